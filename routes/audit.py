"""Keeps who did what: one line for each call that was let in and is no mere reading by its method; never a body."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, current_app, g, request

from observe.audit import READING, Audit

bp = Blueprint("audit", __name__)


def about(*ids: str | None) -> None:
    """Name the files, jobs and models that this call is about."""
    g.subjects = [*g.get("subjects", []), *(one for one in ids if one)]


def told(reply: Any) -> Any:
    """Return a reply as it is, after noting the files that were stored upstream and stand in it."""
    about(*_stored(reply))
    return reply


@bp.after_app_request
def note(response: Response) -> Response:
    """Write the line, whatever became of the call; of a stream it is written when that begins."""
    if request.method in READING or request.endpoint is None or not g.get("let_in"):
        return response
    audit: Audit = current_app.extensions["audit"]
    audit.write(
        {
            "request_id": g.request_id,
            "key": g.key.id or "nobody",
            "action": request.endpoint,
            "subjects": [*(request.view_args or {}).values(), *g.get("subjects", [])],
            "status": response.status_code,
        }
    )
    return response


def _stored(reply: Any) -> Iterator[str]:
    if isinstance(reply, dict) and reply.get("object") == "file":
        yield reply["id"]
    elif isinstance(reply, dict | list):
        for inner in reply.values() if isinstance(reply, dict) else reply:
            yield from _stored(inner)
