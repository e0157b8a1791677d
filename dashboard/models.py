"""The models: what each is and which job made it, to chat with, to take along, to delete."""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from routes import services
from routes.incoming import page_form, query
from wire.errors import NotFound

# Each is 2 KB of page, with all that may be done with it.
_PAGE = 40
_OWN = ("tuned", "checkpoint")
bp = Blueprint("models", __name__, url_prefix="/dashboard/models")


@bp.get("")
def list_models() -> str:
    """Show the models that can be asked, one's own first, newest first; `after` goes on behind one of these."""
    after = query(after=str).get("after", "")
    found = services().models.all()
    own = sorted((model for model in found if model["kind"] in _OWN), key=lambda one: -(one["created"] or 0))
    shown = {"own": _behind(own, after), "others": [model for model in found if model not in own], "after": after}
    return render_template("models.html", **shown, most=_PAGE, engine=services().outlook.is_engine())


# `path`: a name may hold a slash.
@bp.post("/<path:name>/delete")
def delete_model(name: str) -> Response:
    """Delete a fine-tuned model or a checkpoint and show the others."""
    page_form([])
    services().models.delete(name)
    return redirect(url_for("dashboard.models.list_models"), 303)


def _behind(own: list[dict[str, Any]], after: str) -> list[dict[str, Any]]:
    """The models behind the one called `after`; all if that is empty."""
    names = [model["id"] for model in own]
    if after and after not in names:
        raise NotFound(f"The model '{after}' is none of yours.", code="model_not_found", param="after")
    return own[names.index(after) + 1 if after else 0 :]
