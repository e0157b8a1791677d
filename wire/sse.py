"""Server-sent events as the wire has them (wire reference 3.4): `data: {json}`, an in-band error, `[DONE]`."""

import json
from typing import Any

from wire.errors import ApiError, openai_body

CONTENT_TYPE = "text/event-stream"
DONE = b"data: [DONE]\n\n"


def event(payload: dict[str, Any]) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def error_event(error: ApiError) -> bytes:
    """Return the event that ends a stream whose status line is already out; the SDK raises it as `APIError`."""
    return event(openai_body(error))
