"""`/v1/completions`, the legacy endpoint (wire reference 0)."""

import time

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from msgspec.json import encode

from engine import completions
from engine.routes import json_object, parts, streamed
from wire import waiting
from wire.completions import CompletionCreate
from wire.errors import openai_body
from wire.requests import parse

bp = Blueprint("completions", __name__, url_prefix="/v1/completions")


@bp.post("")
def create() -> ResponseReturnValue:
    """Write on from one prompt or several: whole, or with `stream: true` as server-sent events."""
    asked = parse(CompletionCreate, json_object())
    way = (parts().pool, parts().models.resolve(asked.model), asked, int(time.time()))
    if asked.stream:
        return streamed(completions.stream(*way))
    answer = waiting.reply(completions.complete(*way), lambda error: encode(openai_body(error)))
    return Response(answer, content_type="application/json", direct_passthrough=True)
