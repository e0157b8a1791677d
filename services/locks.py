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
    def hold(self, key: str, refusal: Exception, *, line: int = 1, seconds: float = 0.0) -> Iterator[None]:
        """Hold `key`; raise `refusal` if `line` calls hold it or wait for it, or if `seconds` do not free it."""
        with self._guard:
            lock, users = self._held.get(key, (Lock(), 0))
            if users >= line:
                raise refusal
            self._held[key] = (lock, users + 1)
        try:
            if not lock.acquire(timeout=seconds):
                raise refusal
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                lock, users = self._held.pop(key)
                if users > 1:
                    self._held[key] = (lock, users - 1)
