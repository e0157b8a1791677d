"""Locks by name, so that calls about the same thing come one after another; none is kept that nobody needs."""

from threading import Lock
from weakref import WeakValueDictionary


class Turns:
    """One lock for each name in use."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks = WeakValueDictionary[str, Lock]()

    def of(self, name: str) -> Lock:
        """Return the lock of `name`, the same for all who hold it or wait for it now."""
        with self._guard:
            return self._locks.setdefault(name, Lock())
