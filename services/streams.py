"""Answers on their way through us: how many there may be at once, and the end of the streamed ones when we stop."""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from wire import sse
from wire.errors import ApiError, Unavailable

if TYPE_CHECKING:
    import httpx2

Event = TypeVar("Event")


class Places:
    """A semaphore that tells how many are taken."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self._lock = Lock()

    def take(self) -> bool:
        """Take a place if there is one."""
        with self._lock:
            free = self.taken < self.most
            self.taken += free
            return free

    def give_back(self) -> None:
        """Leave a place."""
        with self._lock:
            self.taken -= 1

    def hold(self, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
        """Yield `events`, which hold a place until they end.

        Raises:
            Unavailable: 503 too_many_streams.
        """
        if not self.take():
            message = f"{self.most} answers are being streamed already; try again in a moment."
            raise Unavailable(message, code="too_many_streams", headers={"Retry-After": "1"})
        try:
            yield from events
        finally:
            self.give_back()


class Streams(Places):
    """The places of streamed answers, and the upstream's answers that are being relayed in them."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.stopping = False
        self._open: set[httpx2.Response] = set()

    def hold(self, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
        """Do the same; whatever fails once the service stops is 503 server_stopping, and so is what comes then."""
        try:
            self.refuse_if_stopping()
            yield from super().hold(events)
        except ApiError as failure:
            raise sse.server_stopping() if self.stopping else failure from None

    def refuse_if_stopping(self) -> None:
        """Raise 503 server_stopping once the service stops; what relays no answer has to ask now and then."""
        if self.stopping:
            raise sse.server_stopping()

    @contextmanager
    def relaying(self, response: "httpx2.Response") -> Iterator[None]:
        """Have `response` end early when the service stops, though its upstream says nothing for minutes; close it."""
        with self._lock:
            self._open.add(response)
        try:
            if self.stopping:
                _cut(response)
            yield
        finally:
            with self._lock:
                self._open.discard(response)
            response.close()

    def stop(self) -> None:
        """Let every read of an answer that is relayed end now; what is relayed later ends at once."""
        with self._lock:
            self.stopping = True
            for response in self._open:
                _cut(response)


def _cut(response: "httpx2.Response") -> None:
    """End the connection under `response`, whichever thread reads from it; that thread closes it."""
    connection = response.extensions["network_stream"].get_extra_info("socket")
    with suppress(OSError), socket.fromfd(connection.fileno(), connection.family, connection.type) as under_tls:
        under_tls.shutdown(socket.SHUT_RDWR)
