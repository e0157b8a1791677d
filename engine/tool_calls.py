"""Answers that may call tools; what the model writes that is no call goes on as plain text. It sends nothing itself.

llama.cpp holds a model to the form of a call once it begins one. A token that both begins one and leaves its form
breaks the answer off, though it was the model's to write, and so does a call that cannot be read (decision 0016).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine import answers
from engine.answers import Event, Way
from engine.serving.process import ModelProcess
from wire.errors import ServerFault

_OF_CHATS = ("messages", "tools", "tool_choice", "parallel_tool_calls", "response_format")


def events(process: ModelProcess, way: Way, body: Event, wanted: int) -> Iterator[Event]:
    """Yield what `answers.events` does, one answer after the other, for a failure ends all that are written at once."""
    for index in range(wanted):
        said = _Said()
        seed = {"seed": body["seed"] + index} if "seed" in body else {}
        try:
            for event in answers.events(process, way, {**body, **seed}, 1):
                said.add(event)
                yield _numbered(event, index)
        except ServerFault:
            yield from (_numbered(event, index) for event in _rest(process, {**body, **seed}, said))


@dataclass
class _Said:
    """What there is of an answer: its text, in as many pieces as tokens, and whether it has begun a call."""

    pieces: list[str] = field(default_factory=list)
    calls: bool = False

    def add(self, event: Event) -> None:
        for piece in event["choices"]:
            self.calls |= bool(piece["delta"].get("tool_calls"))
            self.pieces += [text] if (text := piece["delta"].get("content")) else []


def _rest(process: ModelProcess, body: Event, said: _Said) -> Iterator[Event]:
    """Yield the rest of an answer that was broken off, as the model writes it on by itself."""
    most = body.get("max_tokens")
    left = {} if most is None else {"max_tokens": most - len(said.pieces)}
    if said.calls or left.get("max_tokens") == 0:  # a call that was cut is told from a whole one as at OpenAI
        yield {"choices": [_piece({}, "length")]}
        return
    asked = {name: value for name, value in body.items() if name not in _OF_CHATS} | left
    asked["prompt"] = process.ask("/apply-template", body)["prompt"]
    asked["prompt"] += process.control_tokens.plain("".join(said.pieces))
    for event in answers.events(process, answers.TEXT, asked, 1):
        yield {**event, "choices": [_as_chat(piece) for piece in event["choices"]], "usage": _usage(event, said)}


def _as_chat(piece: Event) -> Event:
    delta = {"content": piece["text"]} if piece["text"] else {}
    return _piece(delta, piece["finish_reason"])


def _piece(delta: Event, finish_reason: str | None) -> Event:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _usage(event: Event, said: _Said) -> Event | None:
    """Count as the answer's what was a part of the question when it went on."""
    counted: Event | None = event.get("usage")
    before = len(said.pieces)
    return counted and {
        **counted,
        "prompt_tokens": counted["prompt_tokens"] - before,
        "completion_tokens": counted["completion_tokens"] + before,
    }


def _numbered(event: Event, index: int) -> Event:
    return {**event, "choices": [{**piece, "index": index} for piece in event["choices"]]}
