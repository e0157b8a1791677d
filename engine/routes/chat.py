"""`/v1/chat/completions` (wire reference 3)."""

import time

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from msgspec.json import encode

from engine import chat
from engine.routes import parts
from wire import sse, waiting
from wire.body import parse_object
from wire.chat import ChatCreate
from wire.errors import openai_body
from wire.requests import parse

bp = Blueprint("chat", __name__, url_prefix="/v1/chat")


@bp.post("/completions")
def create() -> ResponseReturnValue:
    """Answer a conversation: whole, or with `stream: true` as server-sent events."""
    asked = parse(ChatCreate, parse_object(request.get_data(), request.content_type))
    model = parts().models.resolve(asked.model)
    way = (parts().pool, model, asked, int(time.time()))
    if asked.stream:
        return Response(chat.stream(*way), content_type=sse.CONTENT_TYPE, direct_passthrough=True)
    answer = waiting.reply(chat.complete(*way), lambda error: encode(openai_body(error)))
    return Response(answer, content_type="application/json", direct_passthrough=True)
