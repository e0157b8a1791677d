"""Answers in the shape of the Responses API, its text subset: one message, whole or as named events; none is kept."""

from collections.abc import Generator, Iterator
from typing import Any

from msgspec.json import encode

from engine import chat
from engine.answers import Event, Usage, Way
from engine.chat import Choice
from engine.serving.pool import Pool
from engine.serving.process import ServedModel
from wire import sse, waiting
from wire.errors import ApiError
from wire.ids import new_id
from wire.responses import ResponseCreate
from wire.waiting import Work

_WAY = Way("/v1/chat/completions", "input", "text.format")


def complete(pool: Pool, model: ServedModel, request: ResponseCreate, now: int) -> Work[bytes]:
    """Return the whole `response` in JSON, yielding with each piece of it that is written.

    `now` is its `created_at`, in seconds. Closed before its end, it hangs up.

    Raises:
        BadRequest: 400, the request asks for what is not served, or its input is too long.
        Unavailable: 503, the model's process ended or is overloaded.
    """
    answer = _Answer(model, request, now)
    for event in chat.events(pool, model, answer.asked, _WAY):
        answer.add(event)
        yield
    return encode(answer.to_wire())


def stream(pool: Pool, model: ServedModel, request: ResponseCreate, now: int) -> sse.Started:
    """Return the answer as named events; raises as `complete` does until the first is there. Closing it hangs up."""
    return waiting.stream(_named(pool, model, _Answer(model, request, now)))


def _named(pool: Pool, model: ServedModel, answer: "_Answer") -> Generator[bytes, None, None]:
    opening = list(answer.opening())
    try:
        for event in chat.events(pool, model, answer.asked, _WAY):
            # In one go: what goes before the first word must not make it wait for a second trip.
            told = list(answer.deltas(event))
            yield b"".join(map(answer.event, opening + told if told else []))
            opening = [] if told else opening
    except ApiError as failure:
        if opening:
            raise
        yield b"".join(map(answer.event, answer.failing(failure)))
        return
    yield b"".join(map(answer.event, [*opening, *answer.closing()]))


class _Answer:
    """One response as it is written: `asked` is the chat behind it; `add` and `deltas` take llama.cpp's events."""

    def __init__(self, model: ServedModel, request: ResponseCreate, now: int) -> None:
        self.asked = request.to_chat()
        self._request = request
        self._model = model
        self._now = now
        self._ids = (new_id("resp_", 48), new_id("msg_", 48))
        self._choice = Choice(0)
        self._usage = Usage()
        self._sequence = 0

    def add(self, event: Event) -> None:
        self._usage.add(event)
        for piece in event["choices"]:
            self._choice.add(piece, self.asked)

    def event(self, payload: Event) -> bytes:
        """Return a named event, numbered in the order of the calls."""
        numbered = {**payload, "sequence_number": self._sequence}
        self._sequence += 1
        return sse.named_event(payload["type"], numbered)

    def opening(self) -> Iterator[Event]:
        begun = self._response("in_progress")
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        yield {"type": "response.output_item.added", "output_index": 0, "item": self._item("in_progress", [])}
        yield {"type": "response.content_part.added", **self._place, "part": _part("", [])}

    def deltas(self, event: Event) -> Iterator[Event]:
        self.add(event)
        for piece in event["choices"]:
            if text := piece["delta"].get("content"):
                told = chat.logprobs(piece, self.asked)
                yield {"type": "response.output_text.delta", **self._place, "delta": text, "logprobs": told}

    def closing(self) -> Iterator[Event]:
        (part,) = self._parts()
        said = {"text": part["text"], "logprobs": part["logprobs"]}
        yield {"type": "response.output_text.done", **self._place, **said}
        yield {"type": "response.content_part.done", **self._place, "part": part}
        yield {"type": "response.output_item.done", "output_index": 0, "item": self._item(self._status, [part])}
        yield {"type": f"response.{self._status}", "response": self.to_wire()}

    def failing(self, failure: ApiError) -> Iterator[Event]:
        """Tell a failure in mid-stream: as the API has it, then so that the official SDK raises it."""
        error = {"code": "server_error", "message": failure.message}
        item = self._item("incomplete", self._parts())
        yield {"type": "response.failed", "response": {**self._response("failed"), "output": [item], "error": error}}
        fields = failure.fields()
        yield {**fields, "type": "error", "error": fields}

    def to_wire(self) -> Event:
        """Return the response as it stands now that all of it is written."""
        cut = self._status == "incomplete"
        return {
            **self._response(self._status),
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "output": [self._item(self._status, self._parts())],
            "usage": self._usage_to_wire(),
        }

    @property
    def _status(self) -> str:
        return "incomplete" if self._choice.finish_reason == "length" else "completed"

    @property
    def _place(self) -> Event:
        return {"item_id": self._ids[1], "output_index": 0, "content_index": 0}

    def _parts(self) -> list[Event]:
        return [_part("".join(self._choice.content), self._choice.logprobs)]

    def _item(self, status: str, parts: list[Event]) -> Event:
        return {"id": self._ids[1], "type": "message", "status": status, "role": "assistant", "content": parts}

    def _response(self, status: str) -> Event:
        request = self._request
        form = request.text.format if request.text else None
        return {
            "id": self._ids[0],
            "object": "response",
            "created_at": self._now,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata or {},
            "model": self._model.name,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": 1.0 if request.temperature is None else request.temperature,
            "text": {"format": form.model_dump(by_alias=True, exclude_none=True) if form else {"type": "text"}},
            "tool_choice": "none" if request.tool_choice == "none" else "auto",
            "tools": [],
            "top_logprobs": request.top_logprobs or 0,
            "top_p": 1.0 if request.top_p is None else request.top_p,
            "truncation": "disabled",
            "usage": None,
        }

    def _usage_to_wire(self) -> Event:
        return {
            "input_tokens": self._usage.prompt,
            "input_tokens_details": {"cached_tokens": self._usage.cached, "cache_write_tokens": 0},
            "output_tokens": self._usage.written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self._usage.prompt + self._usage.written,
        }


def _part(text: str, logprobs: list[Event]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}
