"""Leaves an event for the webhooks in the transaction that ends a job; who is told of it is not known here."""

from collections.abc import Mapping
from typing import Any

from engine import lifecycle
from engine.store.rows import Rows
from engine.store.tables import WEBHOOK_EVENTS
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
