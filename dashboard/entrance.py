"""Takes a key from a person and has their browser keep it; the server keeps nothing."""

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response

from dashboard.preferences import own_path
from routes.access import ANY, COOKIE, find_key
from routes.incoming import page_form

bp = Blueprint("entrance", __name__)


@bp.get("/dashboard/login")
def show() -> str:
    """Ask for a key."""
    return render_template("login.html", failure=None)


@bp.post("/dashboard/login")
def enter() -> Response:
    """Keep the key `key` in a cookie, if it opens anything, and go on to the page `next`."""
    key = page_form(["key"]).get("key", "").strip()
    g.key, g.let_in = find_key(f"Bearer {key}", ANY), True  # which is noted as what such a key does
    reply = redirect(own_path(request.args.get("next", "")), 303)
    # Until the browser is closed. A page of https says so in its Origin, also behind a proxy that ends TLS.
    secure = request.is_secure or request.headers.get("Origin", "").startswith("https://")
    reply.set_cookie(COOKIE, key, httponly=True, samesite="Strict", secure=secure)
    return reply


@bp.post("/logout")
def leave() -> Response:
    """Forget the key."""
    page_form([])
    reply = redirect("/", 303)
    reply.delete_cookie(COOKIE, httponly=True, samesite="Strict")
    return reply
