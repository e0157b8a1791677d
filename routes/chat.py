"""Talks to a model, whole answer or as server-sent events."""

from typing import Any

from flask import Blueprint, Response

from routes import services
from routes.incoming import json_object
from wire.chat import DocumentedChat
from wire.envelope import ok
from wire.requests import parse
from wire.sse import CONTENT_TYPE

bp = Blueprint("chat", __name__)
# A proxy in between must neither keep nor hold back an answer that is still being written.
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@bp.post("/chat")
def chat() -> dict[str, Any] | Response:
    """Answer `text` or `messages`; with `stream: true` as the upstream's events, as they come."""
    body = json_object()
    if parse(DocumentedChat, body).stream:
        return Response(
            services().chat.stream(body), mimetype=CONTENT_TYPE, headers=_STREAM_HEADERS, direct_passthrough=True
        )
    return ok(services().chat.complete(body))
