"""How long a call may take in all: each wait for the network gets what is left, so that no drip outlasts it."""

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_END: ContextVar[float] = ContextVar("end of the call", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what is asked of the network meanwhile so many seconds in all, fewer where fewer are left already."""
    with until(time.monotonic() + seconds):
        yield


@contextmanager
def until(end: float) -> Iterator[None]:
    """The same, to a moment of the monotonic clock."""
    before = _END.set(min(end, _END.get()))
    try:
        yield
    finally:
        _END.reset(before)


def left(patience: float | None) -> float | None:
    """Return how many seconds one wait may last that would last `patience` at most; None: for ever.

    Raises:
        TimeoutError: the call has had all its time.
    """
    rest = _END.get() - time.monotonic()
    if rest <= 0:
        raise TimeoutError("the call has had all its time")
    if rest == math.inf:
        return patience
    return rest if patience is None else min(patience, rest)


class Connection(socket.socket):
    """A connection of which each read waits as long as the call has left; `loopback` gives writes theirs."""

    def __init__(self, connected: socket.socket, patience: float) -> None:
        super().__init__(fileno=connected.detach())
        self.patience = patience

    def recv_into(self, *buffer: Any) -> int:
        """Read as any socket does; raises TimeoutError."""
        self.settimeout(left(self.patience))
        return super().recv_into(*buffer)


# Raises OSError unless whoever is at the other end of a new connection may be sent what is ours.
Proof = Callable[[Connection], None]
