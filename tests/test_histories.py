"""A few random histories of both servers, with kills, agree with the model; `python -m bench.histories` runs 200."""

import random
from pathlib import Path

import pytest

from bench import histories
from bench.reference import GONE, REFUSED, REUSED, Reference, Wish


def test_the_servers_do_what_the_model_does_whatever_dies(tmp_path: Path) -> None:
    number = random.randrange(2**32)
    print(f"seed {number}")
    counted = histories.run(2, number, 25, tmp_path)
    assert counted["histories"] >= 2
    assert "Traceback" not in (tmp_path / "log.txt").read_text("utf-8")


def test_the_model_knows_what_a_caller_may_expect() -> None:
    model = Reference()
    model.uploaded("file-1", "a.jsonl", b"x")
    first = Wish("1", "file-1", "red")
    assert model.create(first) == 200
    assert model.created(first, "ftjob-1") is False
    assert model.created(first, "ftjob-1") is True
    assert model.create(Wish("2", "file-1", "red")) == REUSED
    assert (model.delete("file-1"), model.delete("file-1")) == (200, GONE)
    assert model.create(Wish("3", "file-1")) == REFUSED
    assert (model.cancel("ftjob-1"), model.cancel("ftjob-1"), model.cancel("ftjob-2")) == (200, REFUSED, GONE)
    with pytest.raises(AssertionError, match="second job"):
        model.created(first, "ftjob-2")
