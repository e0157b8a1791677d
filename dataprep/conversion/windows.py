"""Cuts conversations into examples that fit a budget; no answer is trained twice. What an exchange is, `turns` says."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dataprep.conversion.ledger import Ledger
from dataprep.conversion.turns import Exchange
from dataprep.records import Place

_TIME = "Current time: %Y-%m-%d %H:%M"


@dataclass(slots=True)
class Example:
    """One line of training data: the wire's object, the rows it was made of, and where and when it happened.

    `session` is the same for examples that must not be parted between training and validation; `start` is seconds.
    `rows` is how many rows each place stands for.
    """

    body: dict[str, Any]
    places: list[Place]
    session: int
    start: float | None = None
    chat: str = ""
    rows: int = 1

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of its body."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages


def lines_of(examples: Iterable[Example]) -> Iterator[str]:
    """Yield the lines of a JSONL file: UTF-8, no escapes, LF."""
    return (json.dumps(example.body, ensure_ascii=False) + "\n" for example in examples)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long an example may be: `most` as `measure` counts; `context` exchanges lead over to the next part."""

    most: int
    measure: Callable[[str], int]
    context: int
    overhead: int = 0
    system: str = ""
    only_addressed: bool = False
    add_time: bool = False

    def cost(self, exchange: Exchange) -> int:
        """What an exchange takes of the budget."""
        return self.measure(exchange.user.text) + self.measure(exchange.assistant.text) + 2 * self.overhead

    @property
    def room(self) -> int:
        """What the system message leaves."""
        prompt = self.prompt(0.0)
        return self.most - (self.measure(prompt) + self.overhead if prompt else 0)

    def prompt(self, start: float | None) -> str:
        """The system message of an example that begins at `start`, in seconds; a time that is not known is not told."""
        time = ""
        if self.add_time and start is not None:
            time = datetime.fromtimestamp(start, UTC).strftime(_TIME)
        return "\n".join(filter(None, (self.system, time)))


@dataclass(slots=True)
class Window:
    """Exchanges of one example; the first `known` were trained in the part before and are context here."""

    exchanges: list[Exchange] = field(default_factory=list)
    known: int = 0

    def body(self, budget: Budget) -> dict[str, Any]:
        """Return the example's object: `weight` 0 on every answer that is context alone."""
        prompt = budget.prompt(self.start)
        messages = [{"role": "system", "content": prompt}] if prompt else list[dict[str, Any]]()
        for number, exchange in enumerate(self.exchanges):
            answer: dict[str, Any] = {"role": "assistant", "content": exchange.assistant.text}
            if number < self.known or (budget.only_addressed and not exchange.addressed):
                answer["weight"] = 0
            messages += [{"role": "user", "content": exchange.user.text}, answer]
        return {"messages": messages}

    @property
    def start(self) -> float | None:
        """When its first question was asked, in seconds."""
        return self.exchanges[0].user.lines[0].at

    @property
    def places(self) -> list[Place]:
        """The rows of all its exchanges."""
        return [place for one in self.exchanges for turn in (one.user, one.assistant) for place in turn.places]


def windows_of(talk: Sequence[Exchange], budget: Budget, ledger: Ledger) -> Iterator[Window]:
    """Yield the parts of a conversation, each within the budget; an exchange that is too long ends a part."""
    for part in _fitting(talk, budget, ledger):
        # All at once: what is trimmed off the end of one part leads over to the next.
        for window in list(_fill(part, budget)):
            if not budget.only_addressed or _trim(window, ledger):
                yield window


def _fitting(talk: Sequence[Exchange], budget: Budget, ledger: Ledger) -> Iterator[list[Exchange]]:
    part = list[Exchange]()
    for exchange in talk:
        if budget.cost(exchange) <= budget.room:
            part.append(exchange)
            continue
        ledger.leave([*exchange.user.places, *exchange.assistant.places], "too_long")
        if part:
            yield part
        part = []
    if part:
        yield part


def _fill(part: Sequence[Exchange], budget: Budget) -> Iterator[Window]:
    window, spent = Window(), 0
    for exchange in part:
        cost = budget.cost(exchange)
        if spent + cost > budget.room:
            yield window
            window, spent = _lead_over(window, cost, budget)
        window.exchanges.append(exchange)
        spent += cost
    yield window


def _lead_over(window: Window, cost: int, budget: Budget) -> tuple[Window, int]:
    """Begin the next part with as much of the last one as is wanted and fits; at most half of the room."""
    kept, spent = list[Exchange](), 0
    recent = window.exchanges[max(0, len(window.exchanges) - budget.context) :]
    for exchange in reversed(recent):
        more = budget.cost(exchange)
        if spent + more > budget.room // 2 or spent + more + cost > budget.room:
            break
        kept.insert(0, exchange)
        spent += more
    return Window(kept, len(kept)), spent


def _trim(window: Window, ledger: Ledger) -> bool:
    """Take unaddressed answers off the end; False if no answer is left to train."""
    while len(window.exchanges) > window.known:
        last = window.exchanges[-1]
        if last.addressed:
            return True
        ledger.leave([*last.user.places, *last.assistant.places], "not_addressed")
        window.exchanges.pop()
    return False
