"""`/v1/completions`, the legacy endpoint (wire reference 0)."""

import time

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from msgspec.json import encode

from engine import completions
from engine.routes import parts
from wire import sse, waiting
from wire.body import parse_object
from wire.completions import CompletionCreate
from wire.errors import openai_body
from wire.requests import parse

bp = Blueprint("completions", __name__, url_prefix="/v1/completions")


@bp.post("")
def create() -> ResponseReturnValue:
    """Write on from one prompt or several: whole, or with `stream: true` as server-sent events."""
    asked = parse(CompletionCreate, parse_object(request.get_data(), request.content_type))
    way = (parts().pool, parts().models.resolve(asked.model), asked, int(time.time()))
    if asked.stream:
        return Response(completions.stream(*way), content_type=sse.CONTENT_TYPE, direct_passthrough=True)
    answer = waiting.reply(completions.complete(*way), lambda error: encode(openai_body(error)))
    return Response(answer, content_type="application/json", direct_passthrough=True)
