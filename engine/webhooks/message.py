"""One webhook request: its body and headers (wire reference 5.1 and 5.2). Where it goes is not known here."""

import json

from engine import lifecycle
from engine.store import Record
from engine.webhooks import signing

EVENT_TYPES = tuple(
    lifecycle.webhook_event(status) for status in (lifecycle.SUCCEEDED, lifecycle.FAILED, lifecycle.CANCELLED)
)
# OpenAI's name is theirs; receivers tell us by the signature.
USER_AGENT = "tune9527-webhooks/1.0"


def body(event: Record) -> bytes:
    """Return the body that tells of an event, the same at every attempt; the job itself is not in it."""
    told = {name: event[name] for name in ("id", "type", "created_at")}
    return json.dumps({"object": "event", **told, "data": {"id": event["job_id"]}}, separators=(",", ":")).encode()


def headers(endpoint: Record, delivery_id: str, content: bytes, now: int) -> dict[str, str]:
    """Return the headers of one attempt at `now`, signed with every secret of the endpoint that is active."""
    secrets = [endpoint["secret"]]
    if endpoint["old_secret"] is not None and now < endpoint["old_secret_until"]:
        secrets.append(endpoint["old_secret"])
    fixed = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
    return {**fixed, **signing.headers(delivery_id, now, content, secrets)}
