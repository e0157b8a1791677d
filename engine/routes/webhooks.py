"""`/v1/webhook_endpoints` and `/v1/webhook_event_types` (wire reference 5.4)."""

import time

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from engine.routes import json_object, limit, parts
from engine.webhooks.message import EVENT_TYPES
from wire.requests import parse
from wire.webhooks import WebhookCreate, WebhookRotateSecret, WebhookTest, WebhookUpdate

bp = Blueprint("webhooks", __name__, url_prefix="/v1")


@bp.post("/webhook_endpoints")
def create() -> ResponseReturnValue:
    """Keep an endpoint; its secret is in this reply and in no other."""
    asked = parse(WebhookCreate, json_object())
    return parts().webhooks.create(asked, int(time.time()))


@bp.get("/webhook_endpoints")
def list_endpoints() -> ResponseReturnValue:
    """List endpoints, newest first."""
    return parts().webhooks.list(limit(20, 100), request.args.get("after"))


@bp.get("/webhook_endpoints/<endpoint_id>")
def retrieve(endpoint_id: str) -> ResponseReturnValue:
    """Return one endpoint."""
    return parts().webhooks.retrieve(endpoint_id)


@bp.post("/webhook_endpoints/<endpoint_id>")
def update(endpoint_id: str) -> ResponseReturnValue:
    """Change name, URL or event types."""
    asked = parse(WebhookUpdate, json_object())
    return parts().webhooks.update(endpoint_id, asked, int(time.time()))


@bp.delete("/webhook_endpoints/<endpoint_id>")
def delete(endpoint_id: str) -> ResponseReturnValue:
    """Forget an endpoint."""
    return parts().webhooks.delete(endpoint_id)


@bp.post("/webhook_endpoints/<endpoint_id>/rotate_secret")
def rotate_secret(endpoint_id: str) -> ResponseReturnValue:
    """Make a new secret; the old one may go on signing for a day."""
    asked = parse(WebhookRotateSecret, json_object())
    return parts().webhooks.rotate_secret(endpoint_id, asked, int(time.time()))


@bp.post("/webhook_endpoints/<endpoint_id>/test")
def test(endpoint_id: str) -> ResponseReturnValue:
    """Send a made-up event now, once."""
    asked = parse(WebhookTest, json_object())
    return parts().webhooks.test(endpoint_id, asked, int(time.time()))


@bp.get("/webhook_event_types")
def list_event_types() -> ResponseReturnValue:
    """List what this engine sends webhooks of."""
    return {"object": "list", "data": list(EVENT_TYPES)}
