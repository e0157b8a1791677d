"""`/v1/models` (wire reference 4.1)."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from engine.routes import parts

bp = Blueprint("models", __name__, url_prefix="/v1/models")


@bp.get("")
def list_models() -> ResponseReturnValue:
    """List the models that can be asked: fine-tuned ones, checkpoints, base models."""
    return parts().models.list()


# `path`: a name may hold a slash that was sent as %2F.
@bp.get("/<path:name>")
def retrieve(name: str) -> ResponseReturnValue:
    """Return one model."""
    return parts().models.retrieve(name)


@bp.delete("/<path:name>")
def delete(name: str) -> ResponseReturnValue:
    """Delete a fine-tuned model."""
    deleted = parts().models.delete(name)
    parts().pool.forget(name)
    return deleted
