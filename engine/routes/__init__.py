"""The wire under /v1, one blueprint a resource; the rules are in `engine.files`, `jobs`, `models` and `chat`."""

from typing import Any, cast

from flask import Response, current_app, request

from engine.parts import Parts
from gate.forms import Form, FormFiles, read_form
from wire import body, sse
from wire.body import parse_object, read_whole
from wire.errors import BadRequest


def parts() -> Parts:
    """Return the parts of the engine that serves this request."""
    return cast(Parts, current_app.extensions["engine"])


def json_object() -> dict[str, Any]:
    """Return the request's JSON object; 400, 413 or 415 says what is wrong with the body."""
    return parse_object(read_whole(request.environ["wsgi.input"], request.content_length), request.content_type)


def form() -> tuple[Form, FormFiles]:
    """Return the fields and files of a multipart form, none of another body; raises as `read_form` does."""
    if request.mimetype != "multipart/form-data":
        return Form(), FormFiles()
    return read_form(request, current_app.config["MAX_CONTENT_LENGTH"], "An upload (512 MB)")


def refuse_encoded() -> None:
    """Refuse a request whose body is compressed."""
    body.refuse_encoded(request.headers.get("Content-Encoding"))


def limit(default: int, most: int) -> int:
    """Return the query's `limit`, a whole number from 1 to `most`."""
    text = request.args.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise BadRequest(
            f"Invalid value for 'limit': {text!r:.80}. It must be a whole number from 1 to {most}.",
            code="invalid_value",
            param="limit",
        )
    return int(text)


def streamed(events: sse.Started) -> Response:
    """Return the answer that sends `events` as they come, and no longer than the engine runs."""
    lasting = sse.until(parts().stopping.is_set, events)
    return Response(lasting, content_type=sse.CONTENT_TYPE, direct_passthrough=True)
