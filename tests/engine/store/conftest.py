"""The databases that the store is tested on."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from engine.store import Store
from tests.fakes.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A place for a new database, of either kind."""
    if request.param == "sqlite":
        return tmp_path / "facts.sqlite3"
    return cast(Postgres, request.getfixturevalue("postgres")).new_database()


@pytest.fixture
def store(database: Path | str) -> Iterator[Store]:
    """A store on it."""
    made = Store(database)
    yield made
    made.close()
