"""The webhooks' events, left in the transaction that ends a job, and their deliveries; who is told is not known here.

What is pending has the number of its last attempt for a token: of several engines that see it, one begins the next.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select

from engine import lifecycle
from engine.store.rows import Rows
from engine.store.tables import WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS, WEBHOOK_EVENTS
from wire.ids import new_id


def with_event(job_id: str, status: str, also: Rows, values: Mapping[str, Any]) -> Rows:
    """Return the rows that go along with a job's move, and the event's if it ends thereby.

    A job that ends has `finished_at` among the `values` that its move sets.
    """
    if status not in lifecycle.TERMINAL:
        return also
    kind = lifecycle.webhook_event(status)
    event = {"id": new_id("evt_"), "status": "new", "type": kind, "created_at": values["finished_at"], "job_id": job_id}
    return {**also, WEBHOOK_EVENTS: [event]}


def due(connection: Connection, now: float, limit: int, but_for: Collection[str]) -> list[dict[str, Any]]:
    """Return up to `limit` pending deliveries whose time has come, the longest due first, but for some endpoints'."""
    table = WEBHOOK_DELIVERIES
    found = select(table).where(table.c.status == "pending", table.c.due_at <= now)
    found = found.where(table.c.endpoint_id.not_in(but_for)).order_by(table.c.due_at, table.c.seq).limit(limit)
    return [row._asdict() for row in connection.execute(found)]


def update(connection: Connection, seen: Mapping[str, Any], **values: Any) -> bool:
    """Set `values` on a pending delivery if its last attempt is still the one that was `seen`; say whether it is."""
    table = WEBHOOK_DELIVERIES
    same = (table.c.id == seen["id"], table.c.status == "pending", table.c.attempts == seen["attempts"])
    return connection.execute(table.update().where(*same).values(**values)).rowcount == 1


def close(connection: Connection, called: Mapping[str, Any], now: int) -> bool:
    """Mark an endpoint as gone if its URL is still the one that was `called`; say whether it is."""
    table = WEBHOOK_ENDPOINTS
    same = (table.c.id == called["id"], table.c.url == called["url"])
    return connection.execute(table.update().where(*same).values(gone_at=now)).rowcount == 1


def forget(connection: Connection, before: float) -> int:
    """Remove deliveries from before that time that are over, then events that have none left; return how many."""
    events, deliveries = WEBHOOK_EVENTS, WEBHOOK_DELIVERIES
    over = (deliveries.c.status != "pending", deliveries.c.created_at < before)
    connection.execute(deliveries.delete().where(*over))
    left = select(deliveries.c.id).where(deliveries.c.event_id == events.c.id).exists()
    told = (events.c.status != "new", events.c.created_at < before, ~left)
    return connection.execute(events.delete().where(*told)).rowcount
