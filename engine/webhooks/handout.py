"""Which endpoints hear of an event: those there were when it came, by the order of things and by no clock.

Whoever adds an endpoint has what came before it handed out first. It sends nothing.
"""

from engine.store import WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS, WEBHOOK_EVENTS, Record, Store
from wire.ids import new_id

_NEW, _HANDED_OUT = "new", "handed_out"


def hand_out(store: Store, now: float) -> None:
    """Give every new event its deliveries, due `now`: one to each endpoint there is that wants its type."""
    while new := store.newest(WEBHOOK_EVENTS, 1, ascending=True, status=_NEW):
        [event] = new
        endpoints = store.newest(WEBHOOK_ENDPOINTS, None, ascending=True)
        wanted = (one for one in endpoints if event["type"] in one["event_types"] and one["gone_at"] is None)
        rows = [_delivery(event, one, now) for one in wanted]
        store.move(WEBHOOK_EVENTS, event["id"], _HANDED_OUT, (_NEW,), {WEBHOOK_DELIVERIES: rows})


def _delivery(event: Record, endpoint: Record, now: float) -> Record:
    told = {"endpoint_id": endpoint["id"], "event_id": event["id"], "created_at": event["created_at"]}
    return {"id": new_id("wh_"), "status": "pending", "attempts": 0, "due_at": now, **told}
