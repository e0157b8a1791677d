"""Tells which workers are dead: by the lock that each holds, or by silence on this process's own clock.

The time of day is never looked at, so that no step of it takes a job from a worker that lives. It claims nothing.
"""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from engine import lock
from engine.store import Claim, ClaimLost, Holding, StoreError
from wire.ids import new_id

SECONDS = 15.0


class Leases:
    """One worker's name, its lock in `folder/<name>`, and what it has seen of the other workers."""

    def __init__(self, folder: Path, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.owner = new_id("worker_")
        self.seconds = seconds
        self._folder = folder
        self._clock = clock
        self._lock: IO[bytes] | None = None
        self._seen: dict[Holding, float] = {}

    def hold(self) -> None:
        """Show the others on this machine that this worker lives, as long as it does."""
        if self._lock is None:
            self._lock = lock.hold(self._folder / self.owner, patience=0)

    def dead(self, held: Iterable[Holding]) -> list[Holding]:
        """Return those of `held` whose worker has ended, or was not heard of for the length of a lease."""
        now = self._clock()
        self._seen = {one: self._seen.get(one, now) for one in held if one.owner != self.owner}
        return [one for one, since in self._seen.items() if now - since >= self.seconds or self._has_ended(one.owner)]

    def forget(self) -> None:
        """Begin to watch anew: while the database was out of reach, nobody could be heard of."""
        self._seen = {}

    def beat(self, stop: threading.Event, held: Callable[[], Iterable[Claim]]) -> None:
        """Be heard of until `stop`, however long a turn takes; that a claim is lost, its next write finds out."""
        while not stop.wait(self.seconds / 3):
            for claim in held():
                with contextlib.suppress(ClaimLost, StoreError):
                    claim.beat()

    def close(self) -> None:
        """Let go of the lock; whoever calls this has released its jobs."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            shutil.rmtree(self._folder / self.owner, ignore_errors=True)

    def _has_ended(self, owner: str) -> bool:
        """Whether the lock of a worker of this machine is free; what one elsewhere does is not to be seen from here."""
        folder = self._folder / owner
        if not folder.is_dir():
            return False
        try:
            lock.hold(folder, patience=0).close()
        except lock.Busy:
            return False
        return True
