"""Replies that take their time: server-sent events, and JSON behind signs of life."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Response, current_app, g, request
from flask.json.provider import JSONProvider

from gate import leave
from wire import waiting
from wire.envelope import failed, ok
from wire.errors import ApiError
from wire.sse import CONTENT_TYPE

# A proxy in between must neither keep nor hold back what is still being written.
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def event_stream(begin: Callable[[], Iterator[bytes]]) -> Response:
    """Return events as they come; who leaves closes them. From before the first on they hold a stream's thread."""
    leave(request.environ)
    return Response(begin(), mimetype=CONTENT_TYPE, headers=_HEADERS, direct_passthrough=True)


def enveloped(work: waiting.Work[Any]) -> Response:
    """Return what `work` returns in the envelope, behind blanks if it is not there soon."""
    json = current_app.json
    answer = waiting.reply(_enveloped(work, json), partial(_failed, g.request_id, json))
    return Response(answer, mimetype="application/json", direct_passthrough=True)


def _enveloped(work: waiting.Work[Any], json: JSONProvider) -> waiting.Work[bytes]:
    return json.dumps(ok((yield from work))).encode()


def _failed(request_id: str, json: JSONProvider, error: ApiError) -> bytes:
    return json.dumps(failed(error, request_id)).encode()
