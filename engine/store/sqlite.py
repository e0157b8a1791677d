"""SQLite as the engine uses it: commits that last, writers one after the other, and no trust in a disk that failed."""

import sqlite3
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event

from engine import durable

_NOT_WRITTEN = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}


def on_file(path: Path, patience: float) -> Engine:
    """Return the way to the database at `path`, where one waits so many seconds for another's write."""
    # Whoever waits for the write lock looks for it every 100 ms; among six busy writers one waited over ten seconds.
    made = create_engine(f"sqlite:///{path}", connect_args={"timeout": patience})
    event.listen(made, "connect", _prepare_connection)
    event.listen(made, "begin", _begin)
    event.listen(made, "handle_error", _end_if_not_written)
    return made


def _prepare_connection(connection: sqlite3.Connection, _: object) -> None:
    """Choose durability: versions below 3.51.3 can lose a commit in WAL mode, so they keep a rollback journal."""
    connection.isolation_level = None
    journal, synchronous = ("WAL", "FULL") if sqlite3.sqlite_version_info >= (3, 51, 3) else ("DELETE", "EXTRA")
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")


def _begin(connection: Connection) -> None:
    """Take the write lock at once, if any is needed: reading first and writing later would meet SQLITE_BUSY."""
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reads_only else "BEGIN IMMEDIATE")


def _end_if_not_written(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "sqlite_errorcode", None) in _NOT_WRITTEN:
        durable.end_without_disk(cast(Exception, context.original_exception))
