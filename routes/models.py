"""Models that can be asked: what each is and whose; their deletion, and their weights to take along."""

from typing import Any

from flask import Blueprint, Response
from werkzeug.routing import PathConverter

from routes import services
from routes.attachment import attachment
from routes.incoming import query
from wire.envelope import ok

bp = Blueprint("models", __name__, url_prefix="/models")


class ModelName(PathConverter):
    """A model's name. It may hold a slash, which servers take for one that was sent as %2F; what ends in `/export` is
    that call's path, whatever the method."""

    regex = r"(?!.*/export\Z)[^/].*?"


bp.record_once(lambda state: state.app.url_map.converters.update(model=ModelName))


@bp.get("")
def list_models() -> dict[str, Any]:
    """List the models that can be asked: fine-tuned ones, checkpoints, base models, aliases."""
    return ok({"object": "list", "data": services().models.all()})


@bp.get("/<model:name>")
def retrieve_model(name: str) -> dict[str, Any]:
    """Return one model: what it is, whose, and which job made it."""
    return ok(services().models.retrieve(name))


@bp.delete("/<model:name>")
def delete_model(name: str) -> dict[str, Any]:
    """Delete a fine-tuned model or a checkpoint; base models stay."""
    return ok(services().models.delete(name))


@bp.get("/<path:name>/export")
def export_model(name: str) -> Response:
    """Return a fine-tuned model's weights: `format` is gguf (the adapter), peft or ollama (tar archives)."""
    form = query(format=str).get("format", "")
    download = services().models.export(name, form)
    return attachment(download, download.label)
