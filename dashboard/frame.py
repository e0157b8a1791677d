"""What every page shares: its words and colours, where it leads, its headers, and how it tells a failure."""

import time
from functools import partial
from typing import Any

from flask import Response, g, make_response, render_template, request

from dashboard import words
from dashboard.commands import curl
from dashboard.language import choose, translate
from dashboard.told import retell, tell
from routes import errors
from routes.access import SCOPES

LANGUAGE, THEME = "tune9527_language", "tune9527_theme"
THEMES = ("auto", "light", "dark")
# Nothing from elsewhere, nothing inline; uPlot sets its styles by script, which this allows.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# A page's own forms must say where they come from (`no-referrer` makes that `null`); others are told nothing.
_REFERRER = "same-origin"


def context() -> dict[str, Any]:
    """What every template may use."""
    language, theme = chosen_language(), request.cookies.get(THEME, "auto")
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    root, has_key = request.url_root.rstrip("/"), "key" in g and bool(g.key.id)
    return {
        "_": partial(translate, language),
        "tell": partial(tell, language),
        "retell": partial(retell, language),
        "language": language,
        "theme": theme if theme in THEMES else "auto",
        "here": here,
        "may": may,
        "has_key": has_key,
        "root": root,
        "curl": partial(curl, root, has_key),
        "now": int(time.time()),
        "words": words,
    }


def chosen_language() -> str:
    """The reader's language: as they chose, else as their browser says."""
    return choose(request.cookies.get(LANGUAGE, ""), request.accept_languages.values())


def may(endpoint: str) -> bool:
    """Whether the reader's key opens an endpoint."""
    scope = SCOPES[endpoint]
    return not scope or g.key.allows(scope)


def set_headers(response: Response) -> Response:
    """Let no one keep, frame or add to a page."""
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = _REFERRER
    return response


def show_failure(error: Exception) -> Response:
    """Tell a failure as every route does; on a page to whoever asks for one, with the way in where a key is missing."""
    told = errors.answer(error)
    if "text/html" not in request.headers.get("Accept", ""):
        return told
    failure = told.get_json()["response"]
    part = "HX-Request" in request.headers
    template = "login.html" if told.status_code == 401 else "failure.html"
    page = make_response(render_template("notice.html" if part else template, failure=failure), told.status_code)
    kept = {name: value for name, value in told.headers.items() if name not in ("Content-Type", "Content-Length")}
    page.headers.update(kept)
    if part:
        page.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML show:window:top"})
    if part and told.status_code == 401:
        page.headers["HX-Refresh"] = "true"
    return page
