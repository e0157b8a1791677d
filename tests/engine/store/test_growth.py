"""Reading takes SQLite as many steps with thousands of rows as with a few; `python -m bench.growth` has a million."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event

from engine.store import EVENTS, FILES, JOBS, UPLOADS, Store
from tests.engine.store.rows import a_file, a_job

FEW, MANY = 50, 5000
STEP = 10  # of SQLite's virtual machine, between two looks

READS: dict[str, Callable[[Store], Any]] = {
    "files": lambda store: store.newest(FILES, 20, "file-40"),
    "files of a purpose that few have": lambda store: store.newest(FILES, 20, purpose="batch"),
    "expired files": lambda store: store.expired(FILES, 2_000_000_000),
    "expired uploads": lambda store: store.expired(UPLOADS, 2_000_000_000, status="pending"),
    "jobs": lambda store: store.newest(JOBS, 20, "ftjob-40"),
    "events": lambda store: store.newest(EVENTS, 20, "event-40", job_id="ftjob-1"),
    "one file": lambda store: store.one(FILES, id="file-40"),
}


@pytest.fixture
def steps() -> Iterator[Callable[..., int]]:
    """Count the steps that SQLite takes for a call."""
    taken = itertools.count()

    def watch(connection: Any, _: object) -> None:
        connection.set_progress_handler(lambda: next(taken) < 0, STEP)

    def count(read: Callable[[Store], Any], store: Store) -> int:
        before = next(taken)
        read(store)
        return next(taken) - before

    event.listen(sqlalchemy.Engine, "connect", watch)
    yield count
    event.remove(sqlalchemy.Engine, "connect", watch)


def filled(path: Path, rows: int) -> Store:
    store = Store(path)
    said = {"job_id": "ftjob-1", "created_at": 1, "level": "info", "message": "m", "type": "message"}
    store.insert(
        {
            FILES: [a_file(number) for number in range(rows)],
            JOBS: [a_job(f"ftjob-{number}") for number in range(rows)],
            EVENTS: [{"id": f"event-{number}", **said} for number in range(rows)],
        }
    )
    facts = {"bytes": 1, "filename": "a", "purpose": "fine-tune", "status": "completed", "created_at": 1}
    store.insert({UPLOADS: [{"id": f"upload-{number}", "expires_at": 1, **facts} for number in range(rows)]})
    return store


def test_reading_costs_the_same_however_many_rows_there_are(tmp_path: Path, steps: Callable[..., int]) -> None:
    few, many = filled(tmp_path / "few.sqlite3", FEW), filled(tmp_path / "many.sqlite3", MANY)
    for name, read in READS.items():
        read(few), read(many)
        assert steps(read, many) <= 1.5 * steps(read, few) + 5, name
    few.close()
    many.close()
