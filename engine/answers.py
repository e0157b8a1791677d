"""Answers of a model process, event by event, numbered and counted; what the wire makes of them is not known here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.serving import dialect, proxy
from engine.serving.process import ModelProcess

Event = dict[str, Any]
LEAST_LOGPROB = -9999.0
NOTHING: Event = {"choices": []}
"""Stands where there is no news of an answer, so that it is seen whether the caller is still there."""


class Way(NamedTuple):
    """Where llama.cpp is asked, and the fields of the wire that hold the question and the answer's form."""

    target: str
    field: str
    form: str = "response_format"


CHAT = Way("/v1/chat/completions", "messages")
TEXT = Way("/v1/completions", "prompt")


def events(process: ModelProcess, way: Way, body: Event, wanted: int) -> Iterator[Event]:
    """Yield llama.cpp's events for `wanted` answers to `body`, at most `parallel` at a time, numbered throughout.

    Raises:
        BadRequest: 400, llama.cpp refuses the request, or its question is too long.
        Unavailable: 503, the process ended or is overloaded.
    """
    parallel = process.settings.parallel
    for first in range(0, wanted, parallel):
        seed = {"seed": body["seed"] + first} if "seed" in body else {}
        yield from _round(process.address, way, {**body, **seed, "n": min(parallel, wanted - first)}, first)


def _round(address: str, way: Way, body: Event, first: int) -> Iterator[Event]:
    """Yield the events of the answers that are written at once, numbered from `first`."""
    try:
        with proxy.events(address, way.target, body) as found:
            for event in found:
                yield {**event, "choices": [{**piece, "index": piece["index"] + first} for piece in event["choices"]]}
    except proxy.Refused as refused:
        raise dialect.to_wire(refused.error, way.field, way.form) from None


def logprob(token: Event) -> float:
    """Return a token's log-probability as the wire has it: a number, never below LEAST_LOGPROB."""
    return LEAST_LOGPROB if token["logprob"] is None else float(max(token["logprob"], LEAST_LOGPROB))


@dataclass
class Usage:
    """Tokens of all answers together; llama.cpp counts each by itself, and each of `n` with its question."""

    prompts: dict[int, int] = field(default_factory=dict)
    cached: int = 0
    written: int = 0

    def add(self, event: Event, question: int = 0) -> None:
        """Count `event`, which answers the question of that number."""
        counted = event.get("usage")
        if counted:
            self.prompts[question] = counted["prompt_tokens"]
            self.cached = max(self.cached, counted["prompt_tokens_details"]["cached_tokens"])
            self.written += counted["completion_tokens"]

    @property
    def prompt(self) -> int:
        """Tokens of the questions, each counted once."""
        return sum(self.prompts.values())

    def to_wire(self) -> Event:
        """Return `usage` as chat and completions have it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.written,
            "total_tokens": self.prompt + self.written,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }
