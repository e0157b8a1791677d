"""Bytes of the upstream's on their way to the caller, piece by piece; nothing is kept."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Self

from services.client import Upstream
from services.streams import Places, crowded

if TYPE_CHECKING:
    import httpx2


class Download(Iterator[bytes]):
    """An upstream's answer; `size` is None if it does not say. Closing it, read or not, hangs up."""

    def __init__(self, upstream: Upstream, response: "httpx2.Response", label: str) -> None:
        self.label = label
        self.size = _size(response)
        self._response = response
        self._pieces = upstream.pieces(response)
        self._places: Places | None = None

    @classmethod
    def holding(cls, places: Places, opened: Callable[[], Self]) -> Self:
        """Return what `opened` does; it holds one of `places` from before that until it is closed.

        The upstream may take long to begin, and who reads slowly holds a thread.

        Raises:
            Unavailable: 503 server_is_overloaded, nothing was opened.
        """
        if not places.take():
            raise crowded(f"{places.most} answers are being sent", code="server_is_overloaded")
        try:
            download = opened()
        except BaseException:
            places.give_back()
            raise
        download._places = places
        return download

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let go of the connection, and of the place."""
        self._response.close()
        places, self._places = self._places, None
        if places:
            places.give_back()


def _size(response: "httpx2.Response") -> int | None:
    told = response.headers.get("Content-Length", "")
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(told) if told.isascii() and told.isdigit() and not packed else None
