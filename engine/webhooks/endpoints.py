"""The rules of webhook endpoints as callers see them (wire reference 5.4). What happens is told by `deliveries`."""

from collections.abc import Sequence
from typing import Any

from engine.store import WEBHOOK_ENDPOINTS, Record, Store
from engine.webhooks import handout, message, signing
from engine.webhooks.sender import Sender, Unreachable
from wire.errors import BadRequest, NotFound
from wire.ids import new_id
from wire.pages import page, unknown_cursor
from wire.webhooks import WebhookCreate, WebhookRotateSecret, WebhookTest, WebhookUpdate

OLD_SECRET_SECONDS = 24 * 3600


class Endpoints:
    """Endpoints in the store; a secret leaves it when it is made, and never again."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender

    def create(self, asked: WebhookCreate, now: int) -> Record:
        """Keep an endpoint and return it with its secret.

        Raises:
            BadRequest: a URL that webhooks may not go to, or an event type that this engine does not send.
        """
        self._sender.check(asked.url)
        row: Record = {
            "id": new_id("we_"),
            "name": asked.name,
            "url": asked.url,
            "event_types": _known(asked.event_types),
            "created_at": now,
            "updated_at": now,
            "secret": signing.new_secret(),
            "gone_at": None,
        }
        handout.hand_out(self._store, now)
        self._store.insert({WEBHOOK_ENDPOINTS: [row]})
        return _with_secret(row)

    def list(self, limit: int, after: str | None) -> dict[str, Any]:
        """Return one page of endpoints, newest first."""
        try:
            rows = self._store.newest(WEBHOOK_ENDPOINTS, limit + 1, after)
        except LookupError:
            raise unknown_cursor(after) from None
        return page([_to_wire(row) for row in rows], limit)

    def retrieve(self, endpoint_id: str) -> Record:
        """Return one endpoint, without its secret; raises NotFound."""
        return _to_wire(self._row(endpoint_id))

    def update(self, endpoint_id: str, asked: WebhookUpdate, now: int) -> Record:
        """Replace what is given and return the endpoint, which is sent to again if it was gone.

        Raises NotFound, and BadRequest as `create` does.
        """
        row = self._row(endpoint_id)
        wanted = asked.model_dump(exclude_none=True)
        if asked.event_types is not None:
            wanted["event_types"] = _known(asked.event_types)
        changed = {name: value for name, value in wanted.items() if row[name] != value}
        if "url" in changed:
            self._sender.check(changed["url"])
        if changed or row["gone_at"] is not None:
            self._store.update(WEBHOOK_ENDPOINTS, endpoint_id, **changed, gone_at=None, updated_at=now)
        return self.retrieve(endpoint_id)

    def delete(self, endpoint_id: str) -> dict[str, Any]:
        """Forget an endpoint; what was still to be delivered to it is dropped. Raises NotFound."""
        self._row(endpoint_id)
        self._store.delete(WEBHOOK_ENDPOINTS, id=endpoint_id)
        return {"id": endpoint_id, "object": "webhook_endpoint.deleted", "deleted": True}

    def rotate_secret(self, endpoint_id: str, asked: WebhookRotateSecret, now: int) -> Record:
        """Make a new secret and return the endpoint with it; raises NotFound."""
        row = self._row(endpoint_id)
        keep = bool(asked.keep_old_secret_active_for_24_hours)
        changed = {
            "secret": signing.new_secret(),
            "old_secret": row["secret"] if keep else None,
            "old_secret_until": now + OLD_SECRET_SECONDS if keep else None,
            "updated_at": now,
        }
        self._store.update(WEBHOOK_ENDPOINTS, endpoint_id, **changed)
        return _with_secret({**row, **changed})

    def test(self, endpoint_id: str, asked: WebhookTest, now: int) -> Record:
        """Send a made-up event once, and return the status of the answer.

        Raises:
            NotFound: there is no such endpoint.
            BadRequest: the event type is none of this engine's, or nothing answered: 400 webhook_unreachable.
        """
        row = self._row(endpoint_id)
        [kind] = _known([asked.event_type], "event_type")
        event = {"id": new_id("evt_"), "type": kind, "created_at": now, "job_id": "ftjob-test"}
        content = message.body(event)
        headers = message.headers(row, new_id("wh_"), content, now)
        try:
            status = self._sender.post(row["url"], headers, content)
        except Unreachable as reason:
            raise BadRequest(f"The endpoint did not answer: {reason}.", code="webhook_unreachable") from None
        told = {"object": "webhook_endpoint.test", "event_type": kind, "status_code": status, "success": True}
        return {**told, "webhook_endpoint_id": endpoint_id}

    def _row(self, endpoint_id: str) -> Record:
        row = self._store.one(WEBHOOK_ENDPOINTS, id=endpoint_id)
        if row is None:
            raise _no_such_endpoint(endpoint_id)
        return row


def _known(event_types: Sequence[str], param: str = "event_types") -> list[str]:
    """Return the types, each once, or refuse those that would never come."""
    for kind in event_types:
        if kind not in message.EVENT_TYPES:
            known = ", ".join(f"'{one}'" for one in message.EVENT_TYPES)
            told = f"This engine sends no webhooks of type {kind!r:.80}; it sends {known}."
            raise BadRequest(told, code="unsupported_value", param=param)
    return list(dict.fromkeys(event_types))


def _to_wire(row: Record) -> Record:
    names = ("id", "name", "url", "event_types", "created_at", "updated_at")
    shown = {name: row[name] for name in names}
    return {"object": "webhook_endpoint", **shown, "signing_secret_hint": signing.hint(row["secret"])}


def _with_secret(row: Record) -> Record:
    return {**_to_wire(row), "signing_secret": row["secret"]}


def _no_such_endpoint(endpoint_id: str) -> NotFound:
    return NotFound(f"No such webhook endpoint: {endpoint_id}", param="webhook_endpoint_id")
