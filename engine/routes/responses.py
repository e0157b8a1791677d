"""`/v1/responses`, the text subset (wire reference 3.6); no response is kept, so none can be asked for later."""

import time
from typing import NoReturn

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from msgspec.json import encode

from engine import responses
from engine.routes import json_object, parts, streamed
from wire import waiting
from wire.errors import NotFound, openai_body
from wire.requests import parse
from wire.responses import ResponseCreate

bp = Blueprint("responses", __name__, url_prefix="/v1/responses")


@bp.post("")
def create() -> ResponseReturnValue:
    """Answer a text or a conversation: whole, or with `stream: true` as named server-sent events."""
    asked = parse(ResponseCreate, json_object())
    way = (parts().pool, parts().models.resolve(asked.model), asked, int(time.time()))
    if asked.stream:
        return streamed(responses.stream(*way))
    answer = waiting.reply(responses.complete(*way), lambda error: encode(openai_body(error)))
    return Response(answer, content_type="application/json", direct_passthrough=True)


@bp.get("/<response_id>")
def retrieve(response_id: str) -> ResponseReturnValue:
    """Say that no response is kept."""
    _not_kept(response_id)


@bp.delete("/<response_id>")
def delete(response_id: str) -> ResponseReturnValue:
    """Say that no response is kept."""
    _not_kept(response_id)


def _not_kept(response_id: str) -> NoReturn:
    message = f"Response with id '{response_id:.100}' not found: this engine keeps no responses ('store' is false)."
    raise NotFound(message, code="response_not_found")
