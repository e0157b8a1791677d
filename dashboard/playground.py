"""Chats with models, side by side: the page asks POST /chat itself, as any caller does."""

from typing import Any

from flask import Blueprint, current_app, render_template

from dashboard.frame import chosen_language
from dashboard.told import words_of
from routes import services
from routes.incoming import query

bp = Blueprint("playground", __name__, url_prefix="/dashboard/playground")
# What makes vectors, pictures or speech answers nobody.
_SILENT = frozenset({"embeddings", "other"})
_KINDS = ("tuned", "checkpoint", "base", "alias")


@bp.get("")
def playground() -> str:
    """Show the models to choose from; `model` is chosen already, with what it was made of."""
    known = services().models.all()
    silent = {model["id"] for model in known if model["kind"] in _SILENT}
    models = [model for model in known if not {model["id"], model["base"]} & silent]
    by_kind = {kind: [model for model in models if model["kind"] == kind] for kind in _KINDS}
    chosen = _chosen(models, query(model=str).get("model", ""))
    shown = {"by_kind": by_kind, "chosen": chosen, "count": len(models)}
    return render_template("playground.html", **shown, failures=words_of(chosen_language(), "failures"))


def _chosen(models: list[dict[str, Any]], wanted: str) -> set[str]:
    """The models to begin with: the one that was asked for, else the newest of one's own, and its base beside it."""
    named = {model["id"]: model for model in models}
    own = [model for model in models if model["kind"] == "tuned"]
    first = named.get(wanted) or max(own, key=lambda model: model["created"] or 0, default=None)
    if first is None:
        return {next(iter({current_app.config["DEFAULT_MODEL"]} & named.keys()), next(iter(named), ""))}
    return {first["id"], *({first["base"]} & named.keys())}
