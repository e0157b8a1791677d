"""Locks by name, so that calls about the same thing come one after another; none is kept that nobody holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class KeyLocks:
    """One lock for each key in use."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._held: dict[str, tuple[Lock, int]] = {}

    @contextmanager
    def hold(self, key: str, refusal: Exception | None = None) -> Iterator[None]:
        """Wait until nobody else holds `key`, and hold it; with a `refusal` raise that instead of waiting."""
        with self._guard:
            if refusal and key in self._held:
                raise refusal
            lock, users = self._held.get(key, (Lock(), 0))
            self._held[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._held.pop(key)
                if users > 1:
                    self._held[key] = (lock, users - 1)
