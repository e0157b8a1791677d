"""Asks the upstream for an answer, whole or streamed; prompts and models are the upstream's matter.

What the documented reply cannot carry (a second choice, tool calls, log-probabilities) is refused unless streamed:
a stream passes the upstream's chunks on as they are, so nothing is lost there.
"""

import logging
from collections.abc import Callable, Generator, Iterator
from datetime import date
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from services import failures, models
from services.client import Upstream, object_in, pick
from services.streams import Streams
from wire import sse
from wire.errors import ApiError, BadRequest
from wire.waiting import Work

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("tune9527")

_OWN_FIELDS = {"text", "system", "messages", "model"}
# An event longer than this is no chat chunk.
MAX_EVENT_BYTES = 10 * 1024 * 1024
# A whole answer of text is shorter by far.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
_EVENT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LAST_LINES = (b"data: [DONE]", b"data:[DONE]")


class Chat:
    """Chat completions, of which at most `max_streams` are streamed at once."""

    def __init__(
        self,
        upstream: Upstream,
        default_model: str,
        max_streams: int = 32,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._upstream = upstream
        self._default_model = default_model
        self._today = today
        self.streams = Streams(max_streams)

    @property
    def streams_open(self) -> int:
        """How many answers are being streamed now."""
        return self.streams.taken

    def stop(self) -> None:
        """End what is being streamed, with an event that says why; whole answers go on."""
        self.streams.stop()

    def complete(self, wanted: dict[str, Any]) -> Work[dict[str, Any]]:
        """Return the documented `{content, id, model}`; `wanted` is a body that `DocumentedChat` has let through.

        Yields with each piece that the upstream sends, a blank perhaps, to show that it is there. Closing it hangs up.
        """
        refuse_uncarried(wanted)
        completion = object_in((yield from self._whole_answer(self._body(wanted))))
        self._refuse_error(completion)
        try:
            message = completion["choices"][0]["message"]
            content = message["content"] if message.get("content") is not None else message.get("refusal")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise failures.nonsense("it has no choices[0].message") from None
        if not isinstance(content, str | None):
            raise failures.nonsense("the content of its message is no text")
        return pick(completion, "id", "model") | {"content": content}

    def _whole_answer(self, body: dict[str, Any]) -> Work[bytes]:
        response, content = self._ask(body), bytearray()
        try:
            for piece in _capped(self._upstream.pieces(response)):
                content += piece
                yield
        finally:
            response.close()
        return bytes(content)

    def stream(self, wanted: dict[str, Any]) -> sse.Started:
        """Return the upstream's events as they come; the first is already there, so a failure before it raises.

        Closing the iterator closes the connection to the upstream.
        """
        return sse.Started(self._told(self.streams.hold(self._relay(wanted))))

    def chunks(self, wanted: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Yield the chunks of a streamed answer as objects, an empty one for a sign of life; the last ones have usage.

        Closing it hangs up. Raises what the upstream says, before the first chunk or amidst.
        """
        refuse_uncarried(wanted)
        response = self._ask(self._body(wanted) | {"stream": True, "stream_options": {"include_usage": True}})
        with self.streams.relaying(response):
            for chunk in chain.from_iterable(map(_objects_in, whole_events(_capped(self._pieces(response))))):
                self._refuse_error(chunk)
                yield chunk

    def _relay(self, wanted: dict[str, Any]) -> Generator[bytes, None, None]:
        response = self._ask(self._body(wanted))
        with self.streams.relaying(response):
            yield from whole_events(self._pieces(response))

    def _told(self, events: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
        """Yield whole events; once one is out, a failure is an event too."""
        begun = False
        try:
            for one in events:
                yield one
                begun = True
        except ApiError as failure:
            if not begun:
                raise
            log.warning("a stream ended early: %s", failure.message)
            yield sse.error_event(failure)
        finally:
            events.close()

    def _refuse_error(self, told: dict[str, Any]) -> None:
        """Raise what an answer tells that began well: its status was out before it failed."""
        if isinstance(error := told.get("error"), dict):
            raise failures.reported(error, HTTPStatus.BAD_GATEWAY, self._upstream.address.api_key)

    def _pieces(self, response: "httpx2.Response") -> Iterator[bytes]:
        if not response.headers.get("content-type", "").startswith(sse.CONTENT_TYPE):
            raise failures.nonsense("it is not a stream of events")
        return self._upstream.pieces(response)

    def _ask(self, body: dict[str, Any]) -> "httpx2.Response":
        try:
            return self._upstream.post("/chat/completions", body)
        except ApiError as failure:
            raise models.explain(failure, body["model"], self._today()) from None

    def _body(self, wanted: dict[str, Any]) -> dict[str, Any]:
        system, text = wanted.get("system"), wanted.get("text")
        messages = wanted["messages"] if text is None else [{"role": "user", "content": text}]
        return {
            **{name: value for name, value in wanted.items() if name not in _OWN_FIELDS and value is not None},
            "model": wanted.get("model") or self._default_model,
            "messages": messages if system is None else [{"role": "system", "content": system}, *messages],
        }


def _capped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise failures.nonsense(f"it has more than {MAX_ANSWER_BYTES} bytes")
        yield piece


def whole_events(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what has arrived up to the end of its last whole event; the stream must end with `[DONE]` or an error.

    Raises:
        UpstreamFailed: 502, it ended early, or an event is no JSON object or longer than MAX_EVENT_BYTES.
    """
    held, ended = b"", False
    for piece in pieces:
        held += piece
        end = _end_of_events(held)
        if end:
            ended = _says_end(held[:end]) or ended
            yield held[:end]
            held = held[end:]
        if len(held) > MAX_EVENT_BYTES:
            raise failures.nonsense("an event of its stream never ends")
    # Some upstreams leave out the empty line after the very last event.
    if held.strip() in _LAST_LINES:
        yield sse.DONE
    elif not ended:
        raise failures.nonsense("its stream ended before [DONE]")


def _objects_in(events: bytes) -> Iterator[dict[str, Any]]:
    """The objects of these events; an empty one where there are comments alone."""
    lines = [line[5:].strip() for line in events.splitlines() if line.startswith(b"data:")]
    yield from (object_in(line) for line in lines if line != b"[DONE]") if lines else ({},)


def _end_of_events(held: bytes) -> int:
    plain, windows = held.rfind(b"\n\n"), held.rfind(b"\r\n\r\n")
    return max(plain + 2 if plain >= 0 else 0, windows + 4 if windows >= 0 else 0)


def _says_end(events: bytes) -> bool:
    """Whether the last of these events is among them; raises if one of them is none."""
    ended = False
    for line in events.splitlines():
        if line.startswith((*_LAST_LINES, b'data: {"error"')):
            ended = True
        elif line.startswith(b"data:"):
            _refuse_garbled(line[5:])
    return ended


def _refuse_garbled(data: bytes) -> None:
    try:
        _EVENT.decode(data)
    except (ValueError, RecursionError):
        raise failures.nonsense("an event of its stream is no JSON object") from None


def refuse_uncarried(wanted: dict[str, Any]) -> None:
    """Raise 400 unsupported_parameter for what asks for more than one text."""
    if wanted.get("top_logprobs") and not wanted.get("logprobs"):
        message = (
            "'top_logprobs' goes with 'logprobs': true, and both with 'stream': true. Add these two, or leave it out."
        )
        raise BadRequest(message, code="invalid_value", param="top_logprobs")
    for name in ("tools", "logprobs"):
        if wanted.get(name):
            raise _uncarried(name)
    if (wanted.get("n") or 1) > 1:
        raise _uncarried("n")


def _uncarried(name: str) -> BadRequest:
    message = (
        f"'{name}' asks for more than the reply of /chat can hold, which is one text. "
        "Add 'stream': true, whose events carry all of it, or call the upstream's /v1/chat/completions yourself."
    )
    return BadRequest(message, code="unsupported_parameter", param=name)
