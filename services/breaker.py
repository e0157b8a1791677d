"""Stops asking an upstream that is out of order, and tries now and then whether that is over."""

import time
from collections.abc import Callable
from threading import Lock

from services.failures import UpstreamUnavailable

FAILURES = 5
PAUSE_SECONDS = 30.0
CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


class Breaker:
    """Opens after `failures` in a row; after each `pause` one call goes through, which closes it if it succeeds."""

    def __init__(
        self, failures: int = FAILURES, pause: float = PAUSE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._pause = pause
        self._clock = clock
        self._failed = 0
        self._next_try = 0.0
        self._trying = False
        self._lock = Lock()

    @property
    def state(self) -> str:
        """`closed`, `open`, or `half_open`: the next call, or the one that is under way, will tell."""
        with self._lock:
            if self._failed < self._most:
                return CLOSED
            return HALF_OPEN if self._trying or self._clock() >= self._next_try else OPEN

    def require(self) -> None:
        """Let a call through, or say at once when to come again.

        Raises:
            UpstreamUnavailable: 503 with Retry-After.
        """
        with self._lock:
            if self._failed < self._most:
                return
            wait = self._next_try - self._clock()
            if wait > 0:
                raise UpstreamUnavailable.for_seconds(wait)
            self._trying, self._next_try = True, self._clock() + self._pause

    def note(self, *, failed: bool) -> None:
        """Learn how a call ended; one that was refused by a working upstream has not failed."""
        with self._lock:
            self._trying = False
            self._failed = self._failed + 1 if failed else 0
            if self._failed >= self._most:
                self._next_try = self._clock() + self._pause
