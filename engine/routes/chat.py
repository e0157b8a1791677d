"""`/v1/chat/completions` (wire reference 3)."""

import time

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from engine import chat
from engine.routes import parts
from wire import sse
from wire.body import parse_object
from wire.chat import ChatCreate
from wire.requests import parse

bp = Blueprint("chat", __name__, url_prefix="/v1/chat")


@bp.post("/completions")
def create() -> ResponseReturnValue:
    """Answer a conversation: whole, or with `stream: true` as server-sent events."""
    asked = parse(ChatCreate, parse_object(request.get_data(), request.content_type))
    model = parts().models.resolve(asked.model)
    now = int(time.time())
    if asked.stream:
        return Response(
            chat.stream(parts().pool, model, asked, now), content_type=sse.CONTENT_TYPE, direct_passthrough=True
        )
    return chat.complete(parts().pool, model, asked, now)
