"""The wire under /v1, one blueprint a resource; the rules are in `engine.files`, `jobs`, `models` and `chat`."""

from typing import cast

from flask import current_app, request

from engine.parts import Parts
from wire.errors import BadRequest


def parts() -> Parts:
    """Return the parts of the engine that serves this request."""
    return cast(Parts, current_app.extensions["engine"])


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
