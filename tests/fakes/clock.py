"""A clock for what takes its time from one."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now
