"""Answers to conversations, whole or streamed, in the wire's shape (wire reference 3); free of Flask and processes."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from msgspec.json import encode

from engine import answers, tool_calls
from engine.answers import Event, Usage
from engine.serving import dialect
from engine.serving.pool import Pool
from engine.serving.process import ModelProcess, ServedModel
from wire import sse, waiting
from wire.chat import ChatCreate
from wire.errors import BadRequest
from wire.ids import new_id
from wire.waiting import Work


def complete(pool: Pool, model: ServedModel, request: ChatCreate, now: int) -> Work[bytes]:
    """Return the whole answer as a `chat.completion` object in JSON, yielding with each piece of it that is written.

    `now` is its `created`, in seconds. Closed before its end, it hangs up as `stream` does.

    Raises:
        BadRequest: 400, the request asks for what this model cannot do, or its prompt is too long.
        Unavailable: 503, the model's process ended or is overloaded.
    """
    choices = [Choice(index) for index in range(request.n or 1)]
    usage = Usage()
    for event in events(pool, model, request):
        usage.add(event)
        for piece in event["choices"]:
            choices[piece["index"]].add(piece, request)
        yield
    return encode(
        {
            "id": new_id("chatcmpl-"),
            "object": "chat.completion",
            "created": now,
            "model": model.name,
            "choices": [choice.to_wire() for choice in choices],
            "usage": usage.to_wire(),
        }
    )


def stream(pool: Pool, model: ServedModel, request: ChatCreate, now: int) -> sse.Started:
    """Return the answer as `chat.completion.chunk` events; raises as `complete` does until the first is there.

    Closing the iterator hangs up: the model stops writing this answer and is free for the next.
    """
    return waiting.stream(_chunks(pool, model, request, now))


def _chunks(pool: Pool, model: ServedModel, request: ChatCreate, now: int) -> Generator[bytes, None, None]:
    frame = {"id": new_id("chatcmpl-"), "object": "chat.completion.chunk", "created": now, "model": model.name}
    with_usage = bool((request.stream_options or {}).get("include_usage"))
    unknown = {"usage": None} if with_usage else {}
    usage, begun = Usage(), set[int]()
    for event in events(pool, model, request):
        usage.add(event)
        pieces = _opened(event["choices"], begun, request)
        # In one go: the piece that names the role must not make the first word wait for a second trip.
        yield b"".join(sse.event({**frame, "choices": [piece], **unknown}) for piece in pieces)
    if with_usage:
        yield sse.event({**frame, "choices": [], "usage": usage.to_wire()})
    yield sse.DONE


def events(pool: Pool, model: ServedModel, request: ChatCreate, way: answers.Way = answers.CHAT) -> Iterator[Event]:
    """Yield llama.cpp's events for all `n` answers, numbered throughout, and before them NOTHING while in line.

    Raises as `complete` does.
    """
    at_once = 1 if request.tools else request.n or 1
    with pool.lease(model, answers.NOTHING, at_once) as arrival:
        process = yield from arrival
        _check_tools(process, model.name, request)
        if process.reads_calls:
            dialect.check_calls(request.messages)
        body = dialect.to_llama(request, process.settings.context_tokens) | process.chosen(model)
        body |= {name: process.control_tokens.plain(body[name]) for name in dialect.RENDERED if name in body}
        written = tool_calls.events if body.get("tools") else answers.events
        yield from written(process, way, body, request.n or 1)


def _check_tools(process: ModelProcess, name: str, request: ChatCreate) -> None:
    """Refuse tools that the chat template would drop without a word, and what llama.cpp cannot do beside them."""
    if request.tools and request.tool_choice != "none" and not process.takes_tools:
        raise BadRequest(
            f"The model '{name}' cannot use tools: its chat template has no place for them. "
            "Leave out 'tools', or send 'tool_choice': 'none'.",
            code="unsupported_parameter",
            param="tools",
        )
    if request.tools and request.logprobs:
        raise BadRequest(
            "'logprobs' is not supported together with 'tools': llama.cpp tells none while it may read a call. "
            "Leave out one of them.",
            code="unsupported_parameter",
            param="logprobs",
        )


def _opened(pieces: list[Event], begun: set[int], request: ChatCreate) -> Iterator[Event]:
    """Yield `pieces` as the wire has them, each answer's first one behind a piece that names its role."""
    for piece in pieces:
        if "role" in piece["delta"]:  # llama.cpp's own such piece, with nothing else in it
            continue
        if piece["index"] not in begun:
            begun.add(piece["index"])
            yield _piece(piece["index"], {"role": "assistant", "content": "", "refusal": None})
        yield _relayed(piece, request)


def _relayed(piece: Event, request: ChatCreate) -> Event:
    tokens = logprobs(piece, request)
    told = {"content": tokens, "refusal": None} if tokens else None
    return _piece(piece["index"], piece["delta"], told, piece["finish_reason"])


def _piece(index: int, delta: Event, logprobs: Event | None = None, finish_reason: str | None = None) -> Event:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


def logprobs(piece: Event, request: ChatCreate) -> list[Event]:
    """Return the tokens of a piece's content with as many alternatives as were asked for; a thought's are left out."""
    tokens = piece["logprobs"]["content"] if piece.get("logprobs") and piece["delta"].get("content") else []
    return [
        {**_token(token), "top_logprobs": [_token(one) for one in token["top_logprobs"][: request.top_logprobs or 0]]}
        for token in tokens
    ]


def _token(token: Event) -> Event:
    return {"token": token["token"], "logprob": answers.logprob(token), "bytes": token["bytes"]}


@dataclass
class Choice:
    """One answer as its pieces come in."""

    index: int
    content: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    tool_calls: dict[int, Event] = field(default_factory=dict)
    logprobs: list[Event] = field(default_factory=list)
    finish_reason: str | None = None

    def add(self, piece: Event, request: ChatCreate) -> None:
        self.content.append(piece["delta"].get("content") or "")
        self.thought.append(piece["delta"].get("reasoning_content") or "")
        self.finish_reason = piece["finish_reason"] or self.finish_reason
        self.logprobs += logprobs(piece, request)
        for call in piece["delta"].get("tool_calls") or []:
            known = self.tool_calls.setdefault(call["index"], {"id": "", "type": "function", "function": {}})
            known["id"] = call.get("id") or known["id"]
            for name, text in call.get("function", {}).items():
                known["function"][name] = known["function"].get(name, "") + text

    def to_wire(self) -> Event:
        text = "".join(self.content)
        message: Event = {"role": "assistant", "content": text or (None if self.tool_calls else ""), "refusal": None}
        message["annotations"] = []
        if thought := "".join(self.thought):
            message["reasoning_content"] = thought
        if self.tool_calls:
            message["tool_calls"] = [self.tool_calls[place] for place in sorted(self.tool_calls)]
        logprobs = {"content": self.logprobs, "refusal": None} if self.logprobs else None
        return {
            "index": self.index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": self.finish_reason,
        }
