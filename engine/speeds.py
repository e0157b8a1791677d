"""How fast this machine trains jobs of each kind, kept over restarts; what follows from it is not known here."""

import contextlib
from pathlib import Path

from engine import durable

Kind = tuple[str, str]
# Of the rate that was written last; steps vary by less, and each write is forced to the disk.
_TOLERANCE = 0.05


class Speeds:
    """Seconds per byte of each kind, in the file `path`; a loss of the file costs estimates alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rates: dict[Kind, float] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):  # there is none, or somebody else wrote it
            self._rates = {(base, method): float(rate) for base, method, rate in durable.read_json(path)}
        self._written = dict(self._rates)

    def of(self, kind: Kind) -> float | None:
        """Return the newest rate, or None if no job of this kind was trained here."""
        return self._rates.get(kind)

    def learn(self, kind: Kind, rate: float) -> None:
        """Take this for the newest rate."""
        self._rates[kind] = rate
        if abs(rate - self._written.get(kind, 0)) > _TOLERANCE * rate:
            with contextlib.suppress(OSError):  # a full disk must not harm the job; it is tried at the next step
                durable.write_json(self._path, [[*one, seconds] for one, seconds in self._rates.items()])
                self._written = dict(self._rates)
