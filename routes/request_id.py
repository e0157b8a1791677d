"""Gives every request its id and its line in the log; what the line says of a body is nothing."""

import logging
import re
import time

from flask import Blueprint, Response, g, request

from observe.metrics import status_class
from routes import figures
from wire.ids import new_id

log = logging.getLogger("tune9527.access")
bp = Blueprint("request_id", __name__)
HEADER = "X-Request-Id"
# A label is one of a few: what callers make up stands under these.
_UNMATCHED = ("other", "none")
_VALID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@bp.before_app_request
def begin() -> None:
    """Take over the caller's id if it is one, else make one up."""
    given = request.headers.get(HEADER, "")
    g.request_id = given if _VALID.fullmatch(given) else new_id("req_")
    g.began = time.perf_counter()


@bp.after_app_request
def end(response: Response) -> Response:
    """Send the id back, and log what was asked and answered."""
    response.headers[HEADER] = g.request_id
    took, status = (time.perf_counter() - g.began) * 1000, response.status_code
    told = {
        "request_id": g.request_id,
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": status,
        "ms": round(took, 1),
        "key": g.key.id or None if "key" in g else None,
    }
    figures().requests.add(*_labels(), status_class(status))
    figures().seconds.add(_labels()[1], took / 1000)
    words = request.method, ascii(request.path), status, took, g.request_id
    log.info("%s %s %d %.1f ms %s", *words, extra={"fields": told})
    return response


def _labels() -> tuple[str, str]:
    return (request.method, request.url_rule.rule) if request.url_rule else _UNMATCHED
