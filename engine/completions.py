"""Legacy completions: prompts as they stand, without a chat template, whole or streamed; no Flask, no processes."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.json import encode

from engine import answers
from engine.answers import Event, Usage
from engine.serving import dialect
from engine.serving.pool import Pool
from engine.serving.process import ServedModel
from wire import sse, waiting
from wire.completions import CompletionCreate
from wire.errors import BadRequest
from wire.ids import new_id
from wire.waiting import Work


def complete(pool: Pool, model: ServedModel, request: CompletionCreate, now: int) -> Work[bytes]:
    """Return all answers as one `text_completion` object in JSON, yielding with each piece of them that is written.

    `now` is its `created`, in seconds. Closed before its end, it hangs up. The answers to the first prompt go first.

    Raises:
        BadRequest: 400, the request asks for what no model here can do, or a prompt is too long.
        Unavailable: 503, the model's process ended or is overloaded.
    """
    _check(request)
    texts = [_Text(prompt, request) for prompt in request.prompts for _ in range(request.n or 1)]
    choices: list[list[Event]] = [[] for _ in texts]
    usage = Usage()
    for place, event in _events(pool, model, request):
        usage.add(event, place)
        for piece in event["choices"]:
            choices[piece["index"]] += texts[piece["index"]].pieces(piece)
        yield
    whole = [_joined(pieces) for pieces in choices]
    return encode({**_frame(model, now), "choices": whole, "usage": usage.to_wire()})


def stream(pool: Pool, model: ServedModel, request: CompletionCreate, now: int) -> sse.Started:
    """Return the answers as `text_completion` events; raises as `complete` does until the first is there.

    Closing the iterator hangs up: the model stops writing and is free for the next.
    """
    _check(request)
    return waiting.stream(_chunks(pool, model, request, now))


def _chunks(pool: Pool, model: ServedModel, request: CompletionCreate, now: int) -> Generator[bytes, None, None]:
    frame, usage = _frame(model, now), Usage()
    with_usage = bool((request.stream_options or {}).get("include_usage"))
    unknown = {"usage": None} if with_usage else {}
    texts = [_Text(prompt, request) for prompt in request.prompts for _ in range(request.n or 1)]
    for place, event in _events(pool, model, request):
        usage.add(event, place)
        pieces = (piece for one in event["choices"] for piece in texts[one["index"]].pieces(one))
        yield b"".join(sse.event({**frame, "choices": [piece], **unknown}) for piece in pieces)
    if with_usage:
        yield sse.event({**frame, "choices": [], "usage": usage.to_wire()})
    yield sse.DONE


def _events(pool: Pool, model: ServedModel, request: CompletionCreate) -> Iterator[tuple[int, Event]]:
    """Yield the number of each prompt and llama.cpp's events for it, the answers to all prompts numbered throughout."""
    wanted = request.n or 1
    with pool.lease(model, (0, answers.NOTHING), wanted) as arrival:
        process = yield from arrival
        for place, prompt in enumerate(request.prompts):
            body = dialect.to_completion(request, prompt, process.settings.context_tokens) | process.chosen(model)
            for event in answers.events(process, answers.TEXT, body, wanted):
                pieces = [{**piece, "index": piece["index"] + place * wanted} for piece in event["choices"]]
                yield place, {**event, "choices": pieces}


def _check(request: CompletionCreate) -> None:
    """Refuse what llama.cpp would drop without a word, or cannot do."""
    refused = {
        "suffix": (bool(request.suffix), "these models write on from a prompt, they do not fill gaps"),
        "best_of": ((request.best_of or 1) > (request.n or 1), "all answers that are written are sent; use 'n'"),
        "logprobs": (bool(request.echo) and request.logprobs is not None, "with 'echo' they would miss the prompt's"),
    }
    for name, (asked, reason) in refused.items():
        if asked:
            raise BadRequest(f"'{name}' is not supported here: {reason}.", code="unsupported_parameter", param=name)


def _frame(model: ServedModel, now: int) -> dict[str, Any]:
    return {"id": new_id("cmpl-"), "object": "text_completion", "created": now, "model": model.name}


@dataclass
class _Text:
    """One answer as it is written: how far its text has come, counted from the start of its prompt."""

    prompt: str
    request: CompletionCreate
    offset: int = field(init=False)
    begun: bool = False

    def __post_init__(self) -> None:
        self.offset = len(self.prompt)

    def pieces(self, piece: Event) -> Iterator[Event]:
        """Yield llama.cpp's `piece` as the wire has it, the first one behind the prompt if that is to be repeated."""
        if self.request.echo and not self.begun:
            yield _piece(self.prompt, piece["index"])
        self.begun = True
        logprobs = self._logprobs(piece["logprobs"]["content"]) if piece.get("logprobs") else None
        self.offset += len(piece["text"])
        yield _piece(piece["text"], piece["index"], logprobs, piece["finish_reason"])

    def _logprobs(self, tokens: list[Event]) -> Event:
        most = self.request.logprobs or 0
        lengths = [len(token["token"]) for token in tokens]
        return {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [answers.logprob(token) for token in tokens],
            "top_logprobs": [_alternatives(token, most) for token in tokens],
            "text_offset": [self.offset + sum(lengths[:place]) for place in range(len(tokens))],
        }


def _alternatives(token: Event, most: int) -> dict[str, float]:
    """Return the likeliest tokens and, as at OpenAI, the one that was taken."""
    return {one["token"]: answers.logprob(one) for one in (*token["top_logprobs"][:most], *([token] if most else []))}


def _piece(text: str, index: int, logprobs: Event | None = None, finish_reason: str | None = None) -> Event:
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason}


def _joined(pieces: list[Event]) -> Event:
    """Return the pieces of one answer as one choice."""
    told = [piece["logprobs"] for piece in pieces if piece["logprobs"]]
    logprobs = {name: [value for one in told for value in one[name]] for name in told[0]} if told else None
    text = "".join(piece["text"] for piece in pieces)
    return _piece(text, pieces[-1]["index"], logprobs, pieces[-1]["finish_reason"])
