"""One request to a model process and its answer, event by event; what the events mean is not known here."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from msgspec.json import decode, encode

import loopback
from engine.serving.process import ModelGone
from wire.errors import Unavailable

CONNECT_SECONDS = 5.0
FIRST_EVENT_SECONDS = 600.0  # a long prompt takes minutes to read, beside other answers and a training
SILENCE_SECONDS = 120.0
# After a stream llama.cpp hangs up whatever it was asked.
_HEADERS = {"Connection": "close"}
_DATA, _DONE = b"data: ", b"data: [DONE]"


class Refused(Exception):
    """llama.cpp declined the request; `error` is its own error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message", ""))
        self.error = error


@contextmanager
def events(address: str, target: str, body: dict[str, Any]) -> Iterator[Iterator[dict[str, Any]]]:
    """Send a streamed request to the path `target` and give its events once the first byte is there.

    Leaving hangs up and ends the work.

    Raises:
        Refused: llama.cpp answered with an error, at once or in mid-stream.
        ModelGone: 503, the process ended before its answer did.
        Unavailable: 503, it was silent for too long.
    """
    connection = None
    try:
        connection = loopback.reach(address, CONNECT_SECONDS)
        with loopback.post(connection, target, encode(body), _HEADERS, FIRST_EVENT_SECONDS) as response:
            if response.status != HTTPStatus.OK:
                raise Refused(json.loads(response.read())["error"])
            connection.settimeout(SILENCE_SECONDS)
            yield _read(response)
    except TimeoutError:
        raise Unavailable(
            "The model is busy and did not answer in time; ask again later.",
            code="server_is_overloaded",
            headers={"Retry-After": "30"},
        ) from None
    except (OSError, http.client.HTTPException) as reason:
        raise ModelGone(
            "The model's process ended before its answer was complete; ask again.",
            code="model_process_ended",
            headers={"Retry-After": "1"},
        ) from reason
    finally:
        if connection is not None:
            connection.close()


def _read(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield the JSON of each `data:` line up to `[DONE]`; comments, which keep the line open, are passed over."""
    for line in _lines(response):
        if line.startswith(_DONE):
            return
        if line.startswith(_DATA):
            event = decode(line[len(_DATA) :])
            if "error" in event:
                raise Refused(event["error"])
            yield event


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield whole lines as they come; `readline` would wait for a full buffer."""
    rest = b""
    while piece := response.read1(65536):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    raise http.client.IncompleteRead(rest)
