"""Calls that were not let in: told at once, and however many come, so many lines a minute and no more."""

import json
from pathlib import Path
from typing import Any

import pytest

from observe.audit import Audit
from observe.refusals import MOST, OTHERS, Refusals, Refused
from tests.fakes.clock import Clock

GUESS = Refused("203.0.113.5", "nobody", "invalid_api_key", 401)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refusals(tmp_path: Path, clock: Clock) -> Refusals:
    return Refusals(Audit(tmp_path / "audit.jsonl"), clock)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def test_the_first_is_told_at_once_and_the_rest_as_a_count_once_a_minute(
    refusals: Refusals, clock: Clock, tmp_path: Path
) -> None:
    for _ in range(1000):
        refusals.note(GUESS)
    assert [line["count"] for line in lines(tmp_path)] == [1]
    clock.now += 59
    refusals.settle()
    assert len(lines(tmp_path)) == 1
    clock.now += 1
    refusals.settle()
    assert [line["count"] for line in lines(tmp_path)] == [1, 999]
    refusals.note(GUESS)
    assert len(lines(tmp_path)) == 2, "the minute of the second line is not over"
    clock.now += 60
    refusals.settle()
    assert [line["count"] for line in lines(tmp_path)] == [1, 999, 1]
    clock.now += 60
    refusals.settle()
    assert refusals._held == {}


def test_addresses_without_number_write_a_bounded_number_of_lines(
    refusals: Refusals, clock: Clock, tmp_path: Path
) -> None:
    for minute in range(3):
        for number in range(5000):
            refusals.note(GUESS._replace(address=f"2001:db8::{number:x}"))
        clock.now += 61
        assert len(lines(tmp_path)) <= (minute + 1) * (MOST + 2)
    refusals.end()
    told = lines(tmp_path)
    assert sum(line["count"] for line in told) == 15_000
    assert OTHERS in {line["address"] for line in told}


def test_what_was_counted_is_told_at_the_end(refusals: Refusals, tmp_path: Path) -> None:
    for _ in range(3):
        refusals.note(GUESS)
    refusals.end()
    refusals.end()
    assert [line["count"] for line in lines(tmp_path)] == [1, 2]
