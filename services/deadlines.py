"""How long a call may take in all: each wait for the network gets what is left, so that no drip outlasts it."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
