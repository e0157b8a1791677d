"""`/v1/models` (wire reference 4.1), and two extensions of ours (docs/wire.md): what each is, and its weights."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from engine import exports
from engine.routes import parts
from gate.crowd import Leaving

bp = Blueprint("models", __name__, url_prefix="/v1")


@bp.get("/models")
def list_models() -> ResponseReturnValue:
    """List the models that can be asked: fine-tuned ones, checkpoints, base models."""
    return parts().models.list()


# `path`: a name may hold a slash that was sent as %2F.
@bp.get("/models/<path:name>")
def retrieve(name: str) -> ResponseReturnValue:
    """Return one model."""
    return parts().models.retrieve(name)


@bp.get("/models/<path:name>/export")
def export(name: str) -> ResponseReturnValue:
    """Return a fine-tuned model's weights as `format` has them: gguf, peft or ollama."""
    made = exports.export(parts().models, name, request.args.get("format", ""))
    held = Leaving(made, parts().downloads.take())
    headers = {"Content-Length": str(made.size), "Content-Disposition": f'attachment; filename="{made.label}"'}
    return Response(held, headers=headers, content_type="application/octet-stream", direct_passthrough=True)


@bp.get("/model_cards")
def list_cards() -> ResponseReturnValue:
    """List the models that can be asked, aliases too, with what each is and which job made it."""
    return parts().models.cards()


@bp.delete("/models/<path:name>")
def delete(name: str) -> ResponseReturnValue:
    """Delete a fine-tuned model."""
    deleted = parts().models.delete(name)
    parts().pool.forget(name)
    return deleted
