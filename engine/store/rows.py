"""Rows on their way into tables, within a transaction that somebody else has begun; a second try if it is full."""

import functools
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

_Method = TypeVar("_Method", bound=Callable[..., Any])
_DISK_FULL = "53100"  # PostgreSQL's code
_AWAY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
Rows = Mapping[Table, Sequence[Mapping[str, Any]]]


def add(connection: Connection, rows: Rows) -> None:
    """Add rows to their tables."""
    for table, added in rows.items():
        if added:
            connection.execute(table.insert(), [dict(row) for row in added])


def add_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add those rows that break no rule of uniqueness, and pass over the others."""
    insert = import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert  # the other's takes time to load
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])


def again_with_room(method: _Method) -> _Method:
    """Let a method that is one transaction try once more if the disk is full and `make_room` of its owner says True."""

    @functools.wraps(method)
    def twice(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except DatabaseError as error:
            if not is_full(error) or not self.make_room():
                raise
        return method(self, *arguments, **named)

    return cast(_Method, twice)


def is_full(error: BaseException) -> bool:
    """Whether the database could not write for want of room on its disk."""
    if not isinstance(error, DatabaseError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or getattr(error.orig, "sqlstate", None) == _DISK_FULL


def is_unreachable(error: BaseException) -> bool:
    """Whether the database is locked or out of reach, which may pass and is no fault of what was asked of it."""
    if not isinstance(error, OperationalError) or is_full(error):
        return isinstance(error, InterfaceError | NoConnectionFree)
    code = getattr(error.orig, "sqlite_errorcode", None)  # its lower byte is the kind
    return code is None or code & 0xFF in _AWAY
