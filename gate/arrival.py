"""How the body of a call arrives: whole, and soon enough. A client that is slow, or stops, holds no thread for ever.

WSGI's own read waits as long as the client likes. The launcher lends a way to answer meanwhile, which ends the read.
"""

import io
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from wire.errors import BadRequest, RequestTimeout

HANG_UP = "tune9527.hang_up"
"""Where a launcher puts `hang_up(status, headers, body)`, which answers in the app's place and ends the connection."""
LEAST_RATE = 4096
"""Bytes a second that a body must come at once its first seconds are over."""
_HASTE = 10  # that many times less patience, and more bytes a second, while many are waited for
# What is asked for at once: a read tells nothing before all of it is there, so more only from who sends it in no time.
_BLOCK, _LARGEST_BLOCK = 64 * 1024, 256 * 1024
_NO_TIME = 0.1
_TICK = 0.25

Headers = list[tuple[str, str]]


class Arrivals:
    """The bodies that threads wait for: each has `patience` seconds, a tenth if there are more than `crowd` of them."""

    def __init__(self, patience: float, crowd: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._patience = patience
        self._crowd = crowd
        self._waiting: set[Body] = set()
        self._lock = threading.Lock()
        self._any = threading.Event()
        self._stopping_since: float | None = None
        self._thread: threading.Thread | None = None

    def hurry(self) -> None:
        """From now on wait for each as if there were a crowd and it had just begun: the server is stopping."""
        self._stopping_since = self.clock()

    def begin(self, body: "Body") -> None:
        """Note that a thread waits for `body`."""
        with self._lock:
            self._waiting.add(body)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watch arrivals", daemon=True)
                self._thread.start()
        self._any.set()

    def end(self, body: "Body") -> bool:
        """Note that the wait is over; whether it was given up."""
        with self._lock:
            self._waiting.discard(body)
            return body.given_up

    def look(self) -> list["Body"]:
        """Give up those that are too slow, and return them."""
        with self._lock:
            hurried = self._stopping_since is not None or len(self._waiting) > self._crowd
            haste = _HASTE if hurried else 1
            late = [body for body in self._waiting if self._is_late(body, haste)]
            for body in late:
                body.given_up = True
            self._waiting.difference_update(late)
            if not self._waiting:
                self._any.clear()
        return late

    def _is_late(self, body: "Body", haste: int) -> bool:
        allowed = self._patience / haste + body.count / (LEAST_RATE * haste)
        return self.clock() - max(body.since, self._stopping_since or body.since) > allowed

    def _watch(self) -> None:
        while self._any.wait():
            time.sleep(_TICK)
            for body in self.look():
                # Each takes a moment, and nobody is to wait for the others.
                threading.Thread(target=body.hang_up, name="hang up", daemon=True).start()


class Body(io.RawIOBase):
    """The body of one call; reading raises RequestTimeout when it was given up, BadRequest when it was cut short."""

    def __init__(self, environ: dict[str, Any], arrivals: Arrivals, hang_up: Callable[[], None]) -> None:
        self._source: BinaryIO = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH", "")
        # Of both the chunks count (RFC 9112, 6.3).
        self._announced = int(length) if length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else 0
        self._arrivals = arrivals
        self.hang_up = hang_up
        self.since = arrivals.clock()
        self.count = 0
        self.given_up = False
        self._block = _BLOCK

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end.

        Raises:
            RequestTimeout: 408, it comes too slowly.
            BadRequest: 400 incomplete_upload, it ended before its length.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        if self._announced:  # some servers end no read there, and wait for more
            size = min(size, self._announced - self.count)
        began = self._arrivals.clock()
        self._arrivals.begin(self)
        try:
            piece = self._source.read(min(size, self._block)) if size else b""
        finally:
            given_up = self._arrivals.end(self)
        came_at_once = self._arrivals.clock() - began < _NO_TIME
        self._block = min(2 * self._block, _LARGEST_BLOCK) if came_at_once else _BLOCK
        if given_up:
            raise too_slow()
        self.count += len(piece)
        if size and not piece and self.count < self._announced:
            message = f"The body ended after {self.count} of {self._announced} bytes; nothing was kept. Send it again."
            raise BadRequest(message, code="incomplete_upload")
        return piece

    def readinto(self, buffer: Any, /) -> int:
        """Read into `buffer`, and return how much; raises as `read` does."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def has_body(environ: dict[str, Any]) -> bool:
    """Whether the head of a call announces a body."""
    return environ.get("CONTENT_LENGTH", "") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ


def too_slow() -> RequestTimeout:
    """Return the failure of a call whose body was given up."""
    message = f"The body came too slowly: less than {LEAST_RATE} bytes a second, or nothing for a while. Send it again."
    return RequestTimeout(message, code="request_timeout")
