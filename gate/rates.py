"""How often somebody may call: each has a bucket of a minute's calls, which fills again all along."""

import math
import time
from collections.abc import Callable
from threading import Lock

from wire.errors import ApiError

_MINUTE = 60.0
# More callers than these at once are the newest ones' buckets alone: each costs memory.
MOST_BUCKETS = 10_000


class RateLimit:
    """`a_minute` calls a minute for each caller, 0 for as many as they like; a minute's worth may come at once."""

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = a_minute
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was so; longest ago first
        self._lock = Lock()

    def take(self, who: str) -> None:
        """Count one call of `who`.

        Raises:
            ApiError: 429 rate_limited, with the seconds until there is room for one more in Retry-After.
        """
        if not self._a_minute:
            return
        with self._lock:
            left = self._fill(who, 0)
            if left >= 1:
                self._fill(who, 1)
        if left < 1:
            wait = max(1, math.ceil((1 - left) * _MINUTE / self._a_minute))
            raise _rate_limited(self._a_minute, wait)

    def owe(self, who: str, calls: int) -> None:
        """Count further calls of somebody whose call was let in; they pay for them before the next one."""
        if self._a_minute:
            with self._lock:
                self._fill(who, calls)

    def _fill(self, who: str, calls: int) -> float:
        """What is left to `who` now, after taking `calls`."""
        now = self._now()
        left, then = self._buckets.pop(who, (float(self._a_minute), now))
        left = min(self._a_minute, left + (now - then) * self._a_minute / _MINUTE) - calls
        self._buckets[who] = (left, now)
        if len(self._buckets) > MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        return left


def _rate_limited(a_minute: int, wait: int) -> ApiError:
    message = f"More than {a_minute} calls a minute (RATE_LIMIT); the next may come in {wait} s."
    return ApiError(
        message, code="rate_limited", type="rate_limit_error", status=429, headers={"Retry-After": str(wait)}
    )
