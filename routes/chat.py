"""Talks to a model, whole answer or as server-sent events."""

from typing import Any

from flask import Blueprint, Response

from routes import services
from routes.audit import about
from routes.incoming import json_object
from routes.streams import enveloped, event_stream
from wire.chat import DocumentedChat
from wire.requests import parse

bp = Blueprint("chat", __name__)


@bp.post("/chat")
def chat() -> Response:
    """Answer `text` or `messages`; with `stream: true` as the upstream's events, as they come."""
    body = json_object()
    if _allowed(body).stream:
        return event_stream(lambda: services().chat.stream(body))
    return enveloped(services().chat.complete(body))


def _allowed(body: dict[str, Any]) -> DocumentedChat:
    """The body as a question to a model that the caller may ask."""
    wanted = parse(DocumentedChat, body)
    about(wanted.model)
    services().fine_tuning.require_model(wanted.model or "")
    return wanted
