"""How many files and models may be read at once: who reads slowly holds a thread, and others want some, too."""

import threading
from collections.abc import Callable
from contextlib import suppress

from wire.errors import Unavailable


class Downloads:
    """`most` places."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = threading.BoundedSemaphore(most)

    def take(self) -> Callable[[], None]:
        """Take a place, and return how it is left; to leave it again does nothing.

        Raises:
            Unavailable: 503 server_is_overloaded, none is free.
        """
        if not self._free.acquire(blocking=False):
            message = f"{self.most} files or models are being read already; try again in a moment."
            raise Unavailable(message, code="server_is_overloaded", headers={"Retry-After": "1"})
        held = [self._free]

        def leave() -> None:
            with suppress(IndexError):  # it was left before
                held.pop().release()

        return leave
