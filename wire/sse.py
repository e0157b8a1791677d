"""Server-sent events as the wire has them (wire reference 3.4): `data: {json}`, an in-band error, `[DONE]`."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

from msgspec.json import encode

from wire.errors import ApiError, Unavailable, openai_body

CONTENT_TYPE = "text/event-stream"
DONE = b"data: [DONE]\n\n"


class Started(Iterator[bytes]):
    """A stream whose first event is there already, so that a failure before it still has its HTTP status."""

    def __init__(self, events: Generator[bytes, None, None]) -> None:
        self._events = events
        self.first = next(events)
        self._is_new = True

    def __next__(self) -> bytes:
        if self._is_new:
            self._is_new = False
            return self.first
        return next(self._events)

    def close(self) -> None:
        """End the stream, whether or not it was read."""
        self._events.close()


def until(is_over: Callable[[], bool], events: Started) -> Generator[bytes, None, None]:
    """Pass `events` on until the server is to stop; the last one then says so. Closing it closes `events`."""
    try:
        for one in events:
            if is_over():
                yield error_event(server_stopping())
                return
            yield one
    finally:
        events.close()


def server_stopping() -> Unavailable:
    """Return what a stream ends with when its server stops."""
    message = "The server is stopping; ask again in a moment."
    return Unavailable(message, code="server_stopping", headers={"Retry-After": "5"})


def event(payload: dict[str, Any]) -> bytes:
    """Return one event."""
    return b"data: " + encode(payload) + b"\n\n"


def named_event(name: str, payload: dict[str, Any]) -> bytes:
    """Return one event under a name, as the Responses API has them."""
    return b"event: " + name.encode() + b"\n" + event(payload)


def event_with_id(event_id: str, payload: dict[str, Any]) -> bytes:
    """Return one event that a reader may go on behind, by the header Last-Event-ID."""
    return b"id: " + "".join(event_id.splitlines()).encode() + b"\n" + event(payload)


def error_event(error: ApiError) -> bytes:
    """Return the event that ends a stream whose status line is already out; the SDK raises it as `APIError`."""
    return event(openai_body(error))
