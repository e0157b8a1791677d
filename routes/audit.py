"""Keeps who did what: one line for each call that was let in and changes or gives out something; never a body."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, current_app, g, request

from observe.audit import READING, Audit
from observe.refusals import Refusals

bp = Blueprint("audit", __name__)
# Weights, and what was learned from: who asks for them in vain is noted too.
_GIVING = frozenset({"files.file_content", "models.export_model"})


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
    refusals: Refusals = current_app.extensions["refusals"]
    refusals.settle()
    if request.endpoint is None or not g.get("let_in") or _only_looks(response):
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


def _only_looks(response: Response) -> bool:
    """Whether the call changed nothing and gave out no file to keep."""
    if request.method != "GET":
        return request.method in READING
    return request.endpoint not in _GIVING and "Content-Disposition" not in response.headers


def _stored(reply: Any) -> Iterator[str]:
    if isinstance(reply, dict) and reply.get("object") == "file":
        yield reply["id"]
    elif isinstance(reply, dict | list):
        for inner in reply.values() if isinstance(reply, dict) else reply:
            yield from _stored(inner)
