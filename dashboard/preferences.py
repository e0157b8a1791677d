"""Keeps in the browser which language and which colours its reader likes."""

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from dashboard.frame import LANGUAGE, THEME, THEMES
from dashboard.language import LANGUAGES
from routes.incoming import Form, page_form
from wire.errors import BadRequest

bp = Blueprint("preferences", __name__)
_CHOICES = {"language": (LANGUAGE, LANGUAGES), "theme": (THEME, THEMES)}
_YEAR = 365 * 86_400


@bp.post("/dashboard/preferences")
def prefer() -> Response:
    """Set `language` or `theme`, and go back to the page `next`."""
    fields = page_form([*_CHOICES, "next"])
    reply = redirect(own_path(fields.get("next", "")), 303)
    for cookie, value in _chosen(fields):
        reply.set_cookie(cookie, value, max_age=_YEAR, samesite="Lax", httponly=True)
    return reply


def own_path(path: str) -> str:
    """Return a path of ours as it is, the first page for anything that leads elsewhere."""
    own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if own else "/"


def _chosen(fields: Form) -> list[tuple[str, str]]:
    for name, (_, choices) in _CHOICES.items():
        if name in fields and fields[name] not in choices:
            message = f"Invalid value for '{name}': it must be one of {', '.join(choices)}."
            raise BadRequest(message, code="invalid_value", param=name)
    return [(cookie, fields[name]) for name, (cookie, _) in _CHOICES.items() if name in fields]
