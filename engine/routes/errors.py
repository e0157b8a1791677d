"""Every failure under one roof: OpenAI's envelope and the headers its clients look for."""

import logging
import time

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from engine import reserve
from engine.store import is_full, is_unreachable
from wire.errors import (
    ApiError,
    InsufficientStorage,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServerFault,
    Unavailable,
    openai_body,
)
from wire.ids import new_id

_LOG = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Hang the handlers and headers on `app`."""
    app.before_request(_open)
    app.after_request(_close)
    app.register_error_handler(ApiError, _from_ours)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_fault)


def _open() -> None:
    g.started = time.perf_counter()
    g.request_id = new_id("req_")


def _close(response: Response) -> Response:
    elapsed = round(1000 * (time.perf_counter() - g.started))
    response.headers["x-request-id"] = g.request_id
    response.headers["openai-version"] = "2020-10-01"
    response.headers["openai-processing-ms"] = str(elapsed)
    response.headers["X-Tune9527-Engine"] = "1"
    # The path is quoted: what a caller sends must not draw lines in the log.
    told = {
        "request_id": g.request_id,
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "ms": elapsed,
        "key": g.get("key_id"),
    }
    words = request.method, request.path, response.status_code, elapsed, g.request_id
    _LOG.info("%s %r %s %s ms %s", *words, extra={"fields": told})
    return response


def _from_ours(error: ApiError) -> Response:
    response = jsonify(openai_body(error))
    response.status_code = error.status
    response.headers.update(error.headers)
    return response


def _from_http(error: HTTPException) -> Response:
    where = f"({request.method} {request.path})"
    headers = dict(error.get_headers(request.environ))
    match error.code:
        case 404:
            return _from_ours(NotFound(f"Invalid URL {where}"))
        case 405:
            allow = {"Allow": headers.get("Allow", "")}
            return _from_ours(MethodNotAllowed(f"Not allowed to {request.method} on {request.path}", headers=allow))
        case 413:
            return _from_ours(PayloadTooLarge("The body is over 512 MB.", code="body_too_large"))
        case _:
            return _from_ours(ApiError(error.description or error.name, status=error.code or 500))


def _from_fault(error: Exception) -> Response:
    if reserve.is_full(error) or is_full(error):
        _LOG.error("%s %r found the disk full: %s", request.method, request.path, error)
        room = "There is no room left on the server's disk; delete files or models there."
        return _from_ours(InsufficientStorage(room))
    if is_unreachable(error):
        _LOG.error("%s %r could not reach the database: %s", request.method, request.path, error)
        words = "The server's database is locked or out of reach; try again soon."
        return _from_ours(Unavailable(words, code="database_unavailable", headers={"Retry-After": "5"}))
    return _from_bug(error)


def _from_bug(error: Exception) -> Response:
    _LOG.error("%s %r failed", request.method, request.path, exc_info=error)
    return _from_ours(ServerFault("The server had an error while processing your request"))
