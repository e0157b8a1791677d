"""Tells whether a training stands still, by how long nothing was heard of it; what is done then is not known here."""

import time
from collections.abc import Callable, Mapping
from typing import Any

# A step may take so many times as long as is foreseen, as on full cores.
_TIMES = 20
# Seconds at most that one look adds: whoever was stopped or asleep itself has heard nothing of a trainer that went on.
_LOOK = 5.0


class Watch:
    """One training; `patience` is how many seconds it may be silent, more if its steps are foreseen to take longer."""

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience = patience
        self._clock = clock
        self._silent = 0.0
        self._looked = clock()

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take any line of the trainer for a sign of work."""
        self._silent = 0.0
        if message.get("kind") == "pace":
            self.patience = max(self.patience, _TIMES * message["step_seconds"])

    def stands_still(self) -> bool:
        """Say whether it has been silent for too long; to be asked often."""
        now = self._clock()
        self._silent += min(now - self._looked, _LOOK)
        self._looked = now
        return self._silent > self.patience
