"""Where a page begins: behind the row that its cursor names, even if that was deleted since."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from engine.store.rows import add_new
from engine.store.tables import DELETED_ROWS, EVENTS, FILES, JOBS, MODELS, WEBHOOK_ENDPOINTS

# Of each table whose rows are listed in pages, what their objects on the wire have for an id.
_CURSORS = {table: table.c.id for table in (FILES, JOBS, EVENTS, WEBHOOK_ENDPOINTS)} | {MODELS: MODELS.c.checkpoint_id}


def position(connection: Connection, table: Table, cursor: str) -> int:
    """Return the `seq` that the row has or had; raises LookupError if there was none."""
    found = connection.scalar(select(table.c.seq).where(_CURSORS[table] == cursor))
    if found is None:
        was = (DELETED_ROWS.c.list == table.name, DELETED_ROWS.c.id == cursor)
        found = connection.scalar(select(DELETED_ROWS.c.seq).where(*was))
    if found is None:
        raise LookupError(cursor)
    return int(found)


def delete(connection: Connection, table: Table, where: list[ColumnElement[bool]]) -> None:
    """Delete rows, and keep their places in the list, if there is one: it may be read while they go."""
    gone = table.delete().where(*where)
    if table not in _CURSORS:
        connection.execute(gone)
        return
    rows = connection.execute(gone.returning(_CURSORS[table], table.c.seq)).all()
    places: list[dict[str, Any]] = [{"list": table.name, "id": row[0], "seq": row[1]} for row in rows if row[0]]
    add_new(connection, DELETED_ROWS, places)
