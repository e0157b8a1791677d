"""How many calls may be under way at once, so that one of those that take no time always finds a thread.

Whatever a call waits for holds its thread: an upstream that is silent, a caller who reads slowly, another call.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Any

from wire.errors import Unavailable

INSTANT = frozenset({"/status", "/metrics"})
_LEAVE = "tune9527.leave"


class Crowd:
    """The places of a server with so many `threads`: seven eighths of them; calls of INSTANT paths need none."""

    def __init__(self, threads: int) -> None:
        self.most = threads - max(1, threads // 8)
        self.count = 0
        self._lock = Lock()

    def enter(self, environ: dict[str, Any]) -> Callable[[], None]:
        """Take a place for a call and return how it is left; to leave it again does nothing.

        Raises:
            Unavailable: 503 server_is_overloaded.
        """
        if environ["PATH_INFO"] in INSTANT:
            return lambda: None
        with self._lock:
            if self.count >= self.most:
                message = f"{self.most} calls are under way already; try again in a moment."
                raise Unavailable(message, code="server_is_overloaded", headers={"Retry-After": "1"})
            self.count += 1
        held = [self]

        def leave() -> None:
            with self._lock:
                self.count -= len(held)
                held.clear()

        environ[_LEAVE] = leave
        return leave


class Leaving:
    """An answer whose place is left when the server has sent it, or lets go of it, which not all say by closing it."""

    def __init__(self, answer: Iterable[bytes], leave: Callable[[], None]) -> None:
        self._answer, self._leave = answer, leave

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer
        self._leave()

    def close(self) -> None:
        """Be done with it (PEP 3333)."""
        try:
            if close := getattr(self._answer, "close", None):
                close()
        finally:
            self._leave()

    def __del__(self) -> None:
        self._leave()


def leave(environ: dict[str, Any]) -> None:
    """Give a call's place up before its end: what it has begun has a thread of another kind."""
    environ.get(_LEAVE, lambda: None)()
