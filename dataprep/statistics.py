"""Describes a training file in numbers: sizes, lengths, who speaks, in which languages; it judges nothing."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from msgspec import DecodeError
from msgspec.json import decode

from dataprep.languages import language, shares
from dataprep.tokens import OUTPUTS, Encoding, Tokenizer, count_answers, count_example, load

MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_NAMES = 10_000
PROMPTING = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Distribution:
    """How numbers are spread; quantiles lie on the line between neighbours."""

    count: int
    total: int
    least: int
    p5: float
    p50: float
    p95: float
    most: int

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0 of nothing."""
        return self.total / self.count if self.count else 0.0


class Bin(NamedTuple):
    """How many examples have `at_least` tokens, but fewer than `below`."""

    at_least: int
    below: int
    examples: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """A training file in numbers.

    `tokens` is per example, by the formula of `tokens` unless recounted; `answer_tokens` is what of it is learned,
    both answers of a preference;
    `turns` is messages without the system's (and developer's), of a prompt and its completion two; `characters` is of
    each assistant message or completion. `speakers` counts messages by their `name`, among the first ten thousand
    names. `scripts` is each script's share of the letters, `languages` counts examples by the language that most of
    their text is in. `unread` lines held no JSON object.
    """

    examples: int
    unread: int
    tokens: Distribution
    answer_tokens: Distribution
    turns: Distribution
    characters: Distribution
    histogram: list[Bin]
    roles: Counter[str]
    speakers: Counter[str]
    system_prompts: int
    scripts: dict[str, float]
    languages: Counter[str]
    lengths: Sequence[int]


@dataclass(slots=True)
class _Tally:
    tokenizer: Tokenizer | None  # held, so that others who count by another encoding do not make it be loaded again
    unread: int = 0
    tokens: "array[int]" = field(default_factory=lambda: array("q"))
    answers: "array[int]" = field(default_factory=lambda: array("q"))
    turns: "array[int]" = field(default_factory=lambda: array("q"))
    characters: "array[int]" = field(default_factory=lambda: array("q"))
    roles: Counter[str] = field(default_factory=Counter)
    speakers: Counter[str] = field(default_factory=Counter)
    systems: set[int] = field(default_factory=set)
    letters: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)


def statistics(stream: BinaryIO, *, encoding: Encoding | None = "o200k_base") -> Statistics:
    """Count what a JSONL file holds, from the stream's position on; unreadable lines are counted, never refused.

    `encoding` None leaves the tokens 0, for who recounts them.
    """
    tally = _Tally(tokenizer=load(encoding) if encoding else None)
    for line in iter(partial(stream.readline, MAX_LINE_BYTES), b""):
        if not line.isspace():
            _count_line(line, tally, encoding)
    letters = tally.letters.total()
    return Statistics(
        examples=len(tally.tokens),
        unread=tally.unread,
        tokens=distribution(tally.tokens),
        answer_tokens=distribution(tally.answers),
        turns=distribution(tally.turns),
        characters=distribution(tally.characters),
        histogram=histogram(tally.tokens),
        roles=tally.roles,
        speakers=tally.speakers,
        system_prompts=len(tally.systems),
        scripts={name: number / letters for name, number in tally.letters.most_common()},
        languages=tally.languages,
        lengths=tally.tokens,
    )


def recount(found: Statistics, tokens: Sequence[int], answer_tokens: Sequence[int]) -> Statistics:
    """Return the statistics of the same file with other counts of each example's tokens, in the file's order.

    Raises ValueError where there are not as many counts as examples.
    """
    if not len(tokens) == len(answer_tokens) == found.examples:
        raise ValueError(f"{len(tokens)} and {len(answer_tokens)} counts for {found.examples} examples")
    return replace(
        found,
        tokens=distribution(tokens),
        answer_tokens=distribution(answer_tokens),
        histogram=histogram(tokens),
        lengths=tokens,
    )


def distribution(numbers: Sequence[int]) -> Distribution:
    """Return how numbers are spread; all zeros where there are none."""
    ordered = sorted(numbers) or [0]
    p5, p50, p95 = (_quantile(ordered, share) for share in (0.05, 0.5, 0.95))
    return Distribution(len(numbers), sum(ordered), ordered[0], p5, p50, p95, ordered[-1])


def histogram(numbers: Sequence[int]) -> list[Bin]:
    """Return the numbers in bins that double in width, from 0 to the largest; [] of nothing."""
    sizes = Counter(number.bit_length() for number in numbers)
    return [Bin(1 << size >> 1, 1 << size, sizes[size]) for size in range(max(sizes, default=-1) + 1)]


def _quantile(ordered: Sequence[int], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _count_line(line: bytes, tally: _Tally, encoding: Encoding | None) -> None:
    try:
        example = decode(line.removeprefix(b"\xef\xbb\xbf"))
        tokens = (count_example(example, encoding) if encoding else 0) if isinstance(example, dict) else None
    except (DecodeError, UnicodeDecodeError, RecursionError):
        tokens = None
    if tokens is None:
        tally.unread += 1
        return
    listed = list(_messages(example))
    tally.roles.update(role for message in listed if isinstance(role := message.get("role"), str))
    messages = [*_pair(example), *listed]
    tally.tokens.append(tokens)
    learned = list(_messages_in(example, OUTPUTS)) or messages
    tally.answers.append(count_answers(learned, encoding) if encoding else 0)
    tally.turns.append(sum(message.get("role") not in PROMPTING for message in messages))
    for message in messages:
        _count_message(message, tally)
    text = "\n".join(text for message in messages for text in _contents(message))
    letters = shares(text)
    tally.letters.update(letters)
    tally.languages[language(text, letters)] += 1


def _pair(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Prompt and completion as the messages that they would be."""
    for role, key in (("user", "prompt"), ("assistant", "completion")):
        if isinstance(example.get(key), str):
            yield {"role": role, "content": example[key]}


def _messages(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All messages of an example, of whatever kind it is."""
    given = example.get("input")
    yield from _messages_in(given if isinstance(given, dict) else {}, ("messages",))
    yield from _messages_in(example, ("messages", *OUTPUTS))


def _messages_in(example: dict[str, Any], keys: Iterable[str]) -> Iterator[dict[str, Any]]:
    for key in keys:
        messages = example.get(key)
        yield from (one for one in messages if isinstance(one, dict)) if isinstance(messages, list) else ()


def _count_message(message: dict[str, Any], tally: _Tally) -> None:
    role, name, text = message.get("role"), message.get("name"), "".join(_contents(message))
    if isinstance(name, str) and (name in tally.speakers or len(tally.speakers) < MAX_NAMES):
        tally.speakers[name] += 1
    if role in PROMPTING:
        tally.systems.add(hash(text))
    elif role == "assistant":
        tally.characters.append(len(text))


def _contents(message: dict[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
