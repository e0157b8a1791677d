"""The databases that the store is tested on."""

from pathlib import Path

import pytest


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A place for a new database."""
    return tmp_path / "facts.sqlite3"
