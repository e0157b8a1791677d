"""Rows on their way into tables, within a transaction that somebody else has begun."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]


def add(connection: Connection, rows: Rows) -> None:
    """Add rows to their tables."""
    for table, added in rows.items():
        if added:
            connection.execute(table.insert(), [dict(row) for row in added])


def add_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add those rows that break no rule of uniqueness, and pass over the others."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])
