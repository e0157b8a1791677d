"""The models: what each is and which job made it, to chat with, to take along, to delete."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from routes import services
from routes.incoming import page_form, query
from wire.errors import NotFound

# Each is 2 KB of page, with all that may be done with it.
_PAGE = 40
bp = Blueprint("models", __name__, url_prefix="/dashboard/models")


@bp.get("")
def list_models() -> str:
    """Show the models that can be asked, one's own first, newest first; `after` goes on behind one of these."""
    after = query(after=str).get("after")
    found = services().models.all()
    own = [model for model in found if model["kind"] in ("tuned", "checkpoint")]
    own.sort(key=lambda model: model["created"] or 0, reverse=True)
    names = [model["id"] for model in own]
    if after and after not in names:
        raise NotFound(f"The model '{after}' is none of yours.", code="model_not_found", param="after")
    start = names.index(after) + 1 if after else 0
    page, more = own[start : start + _PAGE], len(own) > start + _PAGE
    others = [] if after else [model for model in found if model["id"] not in names]
    engine = services().outlook.is_engine()
    return render_template("models.html", own=page, more=more, after=after, others=others, engine=engine)


# `path`: a name may hold a slash.
@bp.post("/<path:name>/delete")
def delete_model(name: str) -> Response:
    """Delete a fine-tuned model or a checkpoint and show the others."""
    page_form([])
    services().models.delete(name)
    return redirect(url_for("dashboard.models.list_models"), 303)
