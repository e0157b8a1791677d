"""How many calls may be under way at once, so that one of those that take no time always finds a thread.

Whatever a call waits for holds its thread: an upstream that is silent, a caller who reads slowly, another call. More
calls than that stand in line for a while, each on a thread of its own, which costs little as long as it does nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import Event, RLock
from typing import Any

from wire.errors import Unavailable

INSTANT = frozenset({"/status", "/metrics"})
# Calls that stand in line, and seconds for which each does; the server has so many threads more.
LINE = 256
PATIENCE = 5.0
_LEAVE = "tune9527.leave"


class Crowd:
    """The places of a server with so many `threads`: seven eighths of them; calls of INSTANT paths need none."""

    def __init__(self, threads: int, line: int = LINE, patience: float = PATIENCE) -> None:
        self.most = threads - max(1, threads // 8)
        self.count = 0
        self._longest, self._patience = line, patience
        self._line: deque[Event] = deque()
        self._lock = RLock()  # what leaves as garbage may be collected while it is held

    def enter(self, environ: dict[str, Any]) -> Callable[[], None]:
        """Take a place for a call, in its turn, and return how it is left; to leave it again does nothing.

        Raises:
            Unavailable: 503 server_is_overloaded, the line is too long, or its turn did not come.
        """
        if environ["PATH_INFO"] in INSTANT:
            return lambda: None
        self._await_turn()
        held = [self]

        def leave() -> None:
            with self._lock:
                self.count -= len(held)
                held.clear()
                self._fill()

        environ[_LEAVE] = leave
        return leave

    def _await_turn(self) -> None:
        turn = Event()
        with self._lock:
            if self.count >= self.most and len(self._line) >= self._longest:
                raise self._overloaded()
            self._line.append(turn)
            self._fill()
        if not turn.wait(self._patience):
            with self._lock:
                if not turn.is_set():  # it may have come meanwhile
                    self._line.remove(turn)
                    raise self._overloaded()

    def _fill(self) -> None:
        """Give the places that are free to whoever is first in line."""
        while self._line and self.count < self.most:
            self.count += 1
            self._line.popleft().set()

    def _overloaded(self) -> Unavailable:
        message = f"{self.most} calls are under way already; try again in a moment."
        return Unavailable(message, code="server_is_overloaded", headers={"Retry-After": "1"})


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
