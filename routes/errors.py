"""The only place that turns exceptions into replies: one shape, `{"info": "error", "response": {...}}`."""

import logging

from flask import Blueprint, Response, g, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute

from wire import errors
from wire.envelope import failed

log = logging.getLogger("tune9527")
bp = Blueprint("errors", __name__)


@bp.app_errorhandler(errors.ApiError)
def api_error(error: errors.ApiError) -> Response:
    """A failure that was born as one."""
    reply = jsonify(failed(error, g.request_id))
    reply.status_code = error.status
    reply.headers.update(error.headers)
    level = logging.ERROR if error.status >= 500 else logging.INFO
    log.log(level, "%s %s: %s", g.request_id, error.code, ascii(error.message))
    return reply


@bp.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """A refusal of Flask's: no such route, not this method, or a request that is no HTTP."""
    return api_error(_from_http(error))


@bp.app_errorhandler(Exception)
def bug(error: Exception) -> Response:
    """Anything else is our mistake: the log gets the traceback, the caller the id to ask about."""
    log.error("%s unexpected", g.request_id, exc_info=error)
    message = f"The service made a mistake; its log tells more under {g.request_id}."
    return api_error(errors.ServerFault(message, code="internal_error"))


def answer(error: Exception) -> Response:
    """Return the reply to any of them."""
    if isinstance(error, errors.ApiError):
        return api_error(error)
    return http_error(error) if isinstance(error, HTTPException) else bug(error)


def _from_http(error: HTTPException) -> errors.ApiError:
    if isinstance(error, NoRoute):
        message = "There is no such endpoint; see the README for those there are."
        return errors.NotFound(message, code="unknown_endpoint")
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        message = f"This endpoint takes {allowed}."
        return errors.MethodNotAllowed(message, code="method_not_allowed", headers={"Allow": allowed})
    status = error.code or 500
    return errors.ApiError(error.description or error.name, code=error.name.lower().replace(" ", "_"), status=status)
