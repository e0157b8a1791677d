"""Replies that are files to keep: named, never shown in the page, and streamed where they come piece by piece."""

from collections.abc import Iterator
from urllib.parse import quote

from flask import Response

from services.downloads import Download

BYTES = "application/octet-stream"


def attachment(content: Iterator[bytes] | bytes | str, label: str, content_type: str = BYTES) -> Response:
    """Return a reply that a browser saves under `label`; a Download's size is passed on, and its end closes it."""
    streamed = isinstance(content, Iterator)
    reply = Response(content, content_type=content_type, direct_passthrough=streamed)
    reply.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(label, safe='')}"
    if isinstance(content, Download) and content.size is not None:
        reply.headers["Content-Length"] = str(content.size)
    return reply
