"""How long ago each of the engine's loops began a turn, so that one that hangs is seen; it ends nothing itself."""

import logging
import threading
import time
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
# The proof of a large model, which is part of a turn of the worker's, takes minutes.
LONG = 900.0


class Pulse:
    """The loops by name; ages are in seconds of the monotonic clock, which no step of the time of day moves."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began: dict[str, float] = {}

    def clock(self, loop: str) -> Callable[[], float]:
        """Return the time of day as a clock for `loop`, which asks it once a turn and is seen by that."""
        self._began[loop] = self._monotonic()

        def now() -> float:
            self._began[loop] = self._monotonic()
            return time.time()

        return now

    def ages(self) -> dict[str, float]:
        """Return the seconds since each loop began its last turn, or was to begin its first."""
        return {loop: self._monotonic() - began for loop, began in self._began.items()}

    def watch(self, stop: threading.Event, pause: float = 10.0) -> None:
        """Until `stop`, say in the log of a loop whose turn takes too long, once, and that it goes on again."""
        late = set[str]()
        while not stop.wait(pause):
            before, ages = late, self.ages()
            late = {loop for loop, age in ages.items() if age > LONG}
            for loop in late - before:
                _LOG.error("The loop '%s' has stood in one turn for %d minutes.", loop, ages[loop] // 60)
            for loop in before - late:
                _LOG.warning("The loop '%s' goes on again.", loop)
