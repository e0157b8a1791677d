"""Copies of SQLite databases, each as it is at one moment while others go on writing."""

import contextlib
import sqlite3
from pathlib import Path


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy a whole database to a new file."""
    with contextlib.closing(sqlite3.connect(target)) as made:
        source.backup(made)


def copy_file(source: Path, target: Path) -> None:
    """Copy the database in `source`, which is there, to a new file."""
    with contextlib.closing(sqlite3.connect(source)) as opened:
        copy(opened, target)
