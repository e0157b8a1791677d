"""Talks to a model, whole answer or as server-sent events."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, g
from flask.json.provider import JSONProvider

from routes import services
from routes.audit import about
from routes.incoming import json_object
from wire import waiting
from wire.chat import DocumentedChat
from wire.envelope import failed, ok
from wire.errors import ApiError
from wire.requests import parse
from wire.sse import CONTENT_TYPE

bp = Blueprint("chat", __name__)
# A proxy in between must neither keep nor hold back an answer that is still being written.
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@bp.post("/chat")
def chat() -> Response:
    """Answer `text` or `messages`; with `stream: true` as the upstream's events, as they come."""
    body = json_object()
    if _allowed(body).stream:
        return Response(
            services().chat.stream(body), mimetype=CONTENT_TYPE, headers=_STREAM_HEADERS, direct_passthrough=True
        )
    work = _enveloped(services().chat.complete(body), current_app.json)
    answer = waiting.reply(work, partial(_failed, g.request_id, current_app.json))
    return Response(answer, mimetype="application/json", direct_passthrough=True)


def _allowed(body: dict[str, Any]) -> DocumentedChat:
    """The body as a question to a model that the caller may ask."""
    wanted = parse(DocumentedChat, body)
    about(wanted.model)
    services().fine_tuning.require_model(wanted.model or "")
    return wanted


def _enveloped(work: waiting.Work[dict[str, Any]], json: JSONProvider) -> waiting.Work[bytes]:
    return json.dumps(ok((yield from work))).encode()


def _failed(request_id: str, json: JSONProvider, error: ApiError) -> bytes:
    return json.dumps(failed(error, request_id)).encode()
