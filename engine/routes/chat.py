"""`/v1/chat/completions` (wire reference 3)."""

import time

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from msgspec.json import encode

from engine import chat
from engine.routes import json_object, parts, streamed
from wire import waiting
from wire.chat import ChatCreate
from wire.errors import openai_body
from wire.requests import parse

bp = Blueprint("chat", __name__, url_prefix="/v1/chat")


@bp.post("/completions")
def create() -> ResponseReturnValue:
    """Answer a conversation: whole, or with `stream: true` as server-sent events."""
    asked = parse(ChatCreate, json_object())
    model = parts().models.resolve(asked.model)
    way = (parts().pool, model, asked, int(time.time()))
    if asked.stream:
        return streamed(chat.stream(*way))
    answer = waiting.reply(chat.complete(*way), lambda error: encode(openai_body(error)))
    return Response(answer, content_type="application/json", direct_passthrough=True)
