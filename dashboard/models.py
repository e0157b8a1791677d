"""The models: what each is and which job made it, to chat with, to take along, to delete."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from routes import services
from routes.incoming import page_form

bp = Blueprint("models", __name__, url_prefix="/dashboard/models")


@bp.get("")
def list_models() -> str:
    """Show the models that can be asked, one's own first."""
    found = services().models.all()
    own = [model for model in found if model["kind"] in ("tuned", "checkpoint")]
    own.sort(key=lambda model: model["created"] or 0, reverse=True)
    others = [model for model in found if model not in own]
    return render_template("models.html", own=own, others=others, engine=services().outlook.is_engine())


# `path`: a name may hold a slash.
@bp.post("/<path:name>/delete")
def delete_model(name: str) -> Response:
    """Delete a fine-tuned model or a checkpoint and show the others."""
    page_form([])
    services().models.delete(name)
    return redirect(url_for("dashboard.models.list_models"), 303)
