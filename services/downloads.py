"""Bytes of the upstream's on their way to the caller, piece by piece; nothing is kept."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.client import Upstream

if TYPE_CHECKING:
    import httpx2


class Download(Iterator[bytes]):
    """An upstream's answer; `size` is None if it does not say. Closing it, read or not, hangs up."""

    def __init__(self, upstream: Upstream, response: "httpx2.Response", label: str) -> None:
        self.label = label
        self.size = _size(response)
        self._response = response
        self._pieces = upstream.pieces(response)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()


def _size(response: "httpx2.Response") -> int | None:
    told = response.headers.get("Content-Length", "")
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(told) if told.isascii() and told.isdigit() and not packed else None
