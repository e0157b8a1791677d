"""Whoever works without a word for long says that it works."""

import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.trainer import data, preference, progress
from engine.trainer.crew import Crew
from tests.engine.trainer.conftest import PAIRS, ROWS, write_rows


@pytest.mark.parametrize(("quiet_seconds", "said"), [(60.0, ""), (-1.0, '{"kind": "working"}\n' * 3)])
def test_work_is_told_only_after_a_while_without_a_word(
    quiet_seconds: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", quiet_seconds)
    stream = io.StringIO()
    assert Crew(2, 2, progress.Progress(stream).working).work(str, [1, 2, 3]) == ["1", "2", "3"]
    assert stream.getvalue() == said


def test_each_row_that_is_read_is_work(tokenizer: Any, tmp_path: Path) -> None:
    for load, rows in ((data.load, ROWS), (preference.load, PAIRS)):
        told = list[None]()
        load(write_rows(tmp_path / "rows.jsonl", rows), tokenizer, 256, partial(told.append, None))
        assert len(told) == len(rows)
