"""`/v1/embeddings` (wire reference 4.2)."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from msgspec.json import encode

from engine import embeddings
from engine.routes import json_object, parts
from wire import waiting
from wire.embeddings import EmbeddingCreate
from wire.errors import openai_body
from wire.requests import parse

bp = Blueprint("embeddings", __name__, url_prefix="/v1/embeddings")


@bp.post("")
def create() -> ResponseReturnValue:
    """Return one vector for each text."""
    asked = parse(EmbeddingCreate, json_object())
    base = parts().models.embedder(asked.model)
    work = embeddings.create(parts().pool, base, parts().models.base_path(base), asked)
    answer = waiting.reply(work, lambda error: encode(openai_body(error)))
    return Response(answer, content_type="application/json", direct_passthrough=True)
