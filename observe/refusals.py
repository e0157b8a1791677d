"""Calls that were not let in, in the audit: however often somebody tries, a line a minute for each reason."""

import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from observe.audit import Audit

MINUTE = 60.0
# Of more addresses, keys and reasons than these within a minute the others are told together, lest they fill the files.
MOST = 30
OTHERS = "others"


class Refused(NamedTuple):
    """Who asked from where, and what they were told; `key` is an id, or `nobody`."""

    address: str
    key: str
    code: str
    status: int


class Refusals:
    """The first is written at once; what follows within a minute is counted, and told by the line after it."""

    def __init__(self, audit: Audit, now: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._now = now
        self._held: dict[Refused, tuple[float, int]] = {}  # until when it is only counted, and how often it was
        self._lock = Lock()

    def note(self, refused: Refused) -> None:
        """Take down one call that was not let in."""
        with self._lock:
            self._settle(self._now())
            if refused not in self._held and len(self._held) >= MOST:
                refused = refused._replace(address=OTHERS, key=OTHERS)
            if refused in self._held:
                until, count = self._held[refused]
                self._held[refused] = until, count + 1
            else:
                self._tell(refused, 1)

    def settle(self) -> None:
        """Write what was counted in minutes that are over."""
        if self._held:
            with self._lock:
                self._settle(self._now())

    def end(self) -> None:
        """Write all that was counted: the process ends."""
        with self._lock:
            self._settle(float("inf"))

    def _settle(self, now: float) -> None:
        for refused, (until, count) in [*self._held.items()]:
            if until <= now:
                del self._held[refused]
                if count:
                    self._tell(refused, count)

    def _tell(self, refused: Refused, count: int) -> None:
        self._held[refused] = self._now() + MINUTE, 0
        self._audit.write({"action": "refused", **refused._asdict(), "count": count})
