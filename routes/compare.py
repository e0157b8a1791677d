"""Asks several models the same, so that their answers can be read side by side."""

from typing import Any

from flask import Blueprint, Response

from routes import services
from routes.access import count_more
from routes.audit import about
from routes.incoming import json_object
from routes.streams import enveloped, event_stream
from wire import waiting
from wire.chat import Comparison
from wire.requests import parse

bp = Blueprint("compare", __name__)


@bp.post("/compare")
def compare() -> Response:
    """Ask each of `models` the same `text` or `messages`; with `stream: true` as events that name the model.

    Every model has its answer or its error, with the seconds it took and its tokens; all are asked at once.
    """
    body = json_object()
    if _allowed(body).stream:
        return event_stream(lambda: waiting.stream(services().compare.stream(body)))
    return enveloped(services().compare.complete(body))


def _allowed(body: dict[str, Any]) -> Comparison:
    wanted = parse(Comparison, body)
    about(*wanted.models)
    count_more(len(wanted.models) - 1)  # each is a call upstream
    return wanted
