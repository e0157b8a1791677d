"""Finds examples that say the same: exact duplicates, and questions with contradicting answers."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from dataprep.conversion.cleaning import normalise
from dataprep.conversion.ledger import Ledger
from dataprep.conversion.windows import Example

MAX_SHOWN_TEXT = 80


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One question, with whatever led up to it, that has several answers; `lines` say where they stand."""

    question: str
    answers: tuple[str, ...]
    lines: tuple[str, ...]


def without_duplicates(examples: Sequence[Example], ledger: Ledger) -> list[Example]:
    """Return the examples without those whose very object came before; their rows are left as duplicate."""
    seen, kept, repeats = set[bytes](), list[Example](), list[Example]()
    for example in examples:
        mark = _digest(json.dumps(example.body, ensure_ascii=False, sort_keys=True))
        (repeats if mark in seen else kept).append(example)
        seen.add(mark)
    for example in repeats:
        ledger.leave(example.places, "duplicate")
    return kept


def contradictions(training: Sequence[Example], validation: Sequence[Example]) -> list[Contradiction]:
    """Return the questions that are answered differently, compared without case, width, blanks and punctuation.

    Answers that nobody asked for, which follow a system message alone, contradict nothing.
    """
    known: dict[bytes, dict[str, tuple[str, str]]] = {}
    questions: dict[bytes, str] = {}
    for name, examples in (("line", training), ("validation line", validation)):
        for number, example in enumerate(examples, 1):
            asked = (one for one in _answers(example.messages) if one[1])
            for mark, question, answer in asked:
                known.setdefault(mark, {}).setdefault(normalise(answer), (answer, f"{name} {number}"))
                questions.setdefault(mark, question)
    return [
        Contradiction(
            questions[mark][:MAX_SHOWN_TEXT],
            tuple(answer[:MAX_SHOWN_TEXT] for answer, _ in answers.values()),
            tuple(line for _, line in answers.values()),
        )
        for mark, answers in known.items()
        if len(answers) > 1
    ]


def marks_of(example: Example) -> Iterator[bytes]:
    """Yield what the example shares with another that teaches one of the same answers to the same question."""
    for mark, _, answer in _answers(example.messages):
        yield _digest(mark.hex() + normalise(answer))


def _answers(messages: Sequence[dict[str, Any]]) -> Iterator[tuple[bytes, str, str]]:
    """Yield (what led up to it, the question, the answer) of each answer that is trained."""
    so_far, question = blake2b(digest_size=12), ""
    for message in messages:
        role, text = message.get("role"), _text(message)
        if role == "assistant" and text and message.get("weight") != 0:
            yield so_far.digest(), question, text
        if role == "user":
            question = text
        so_far.update(f"{role}\x00{normalise(text)}\x01".encode("utf-8", "surrogatepass"))


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return json.dumps(content, ensure_ascii=False) if content else ""


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
