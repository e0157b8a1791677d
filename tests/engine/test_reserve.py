"""A reserve is made where there is room, given up once, and a full disk is told from other faults."""

import errno
import sqlite3
from pathlib import Path

import pytest

from engine import reserve
from engine.reserve import Reserve
from engine.store import FILES, Store, is_full
from tests.engine.store.rows import a_file


def test_a_reserve_is_given_up_once_and_made_anew(tmp_path: Path) -> None:
    kept = Reserve(tmp_path / "reserve", size=2**20)
    assert not kept.free()
    assert kept.restore()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 2**20
    assert [kept.free(), kept.free()] == [True, False]
    assert kept.restore()


def test_a_reserve_that_would_fill_the_disk_is_not_made(tmp_path: Path) -> None:
    assert not Reserve(tmp_path / "reserve", size=2**60).restore()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)])
def test_a_full_disk_is_told_from_other_faults(number: int, full: bool) -> None:
    assert reserve.is_full(OSError(number, "x")) == full
    assert not reserve.is_full(ValueError("x"))


def fill(store: Store) -> None:
    """Add rows until the database may not grow any more."""
    for number in range(10_000):
        store.insert({FILES: [a_file(number) | {"filename": "x" * 1000}]})


def test_a_full_database_tries_once_more_after_room_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, limit = sqlite3.connect, 60

    def narrow(*arguments: object, **named: object) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*arguments, **named)  # type: ignore[call-overload]
        made.execute(f"PRAGMA max_page_count={limit}")
        return made

    monkeypatch.setattr(sqlite3, "connect", narrow)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", narrow)
    store = Store(tmp_path / "facts.sqlite3")
    with pytest.raises(Exception, match="full") as told:
        fill(store)
    assert is_full(told.value)
    before = len(store.newest(FILES, None))
    asked: list[bool] = []

    def make_room() -> bool:
        nonlocal limit
        limit = 100_000
        store.close()  # connections made from now on may go further
        asked.append(True)
        return True

    store.make_room = make_room
    store.insert({FILES: [a_file(20_000 + number) | {"filename": "x" * 1000} for number in range(9)]})
    assert (len(store.newest(FILES, None)) - before, asked) == (9, [True])
    store.close()
