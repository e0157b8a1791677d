"""Finds validation examples that stand in the training file too; whether either file is sound is checked elsewhere."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from dataprep.checks.content import content_of
from dataprep.checks.disguise import BYTE_ORDER_MARK
from dataprep.checks.examples import recognise
from dataprep.checks.likeness import MAX_CHARACTERS, Likenesses, Sampler
from dataprep.checks.limits import MAX_LINE_BYTES
from dataprep.checks.overview import normalise
from dataprep.checks.report import MAX_KEPT_FINDINGS, Finding, Problem, Problems, Report, Severity
from dataprep.checks.strict_json import Unreadable, read_line
from dataprep.checks.teaching import Answer, answers_of, talk_of
from dataprep.checks.texts import turns_of

# So many validation examples, and answers in them, are compared with all of the training file: memory stays flat.
MAX_COMPARED = 100_000
MAX_ANSWERS = 200_000
# Samples of the training file are not kept, so that only time bounds them: this takes some seconds.
MAX_TRAINED_CHARACTERS = 10 * MAX_CHARACTERS


class _Example(NamedTuple):
    """One line of a file: a hash of what it holds, one of what it says, its answers, and the words that are learned."""

    line: int
    exact: int
    alike: int
    answers: tuple[Answer, ...]
    talk: str


def leaks(training: BinaryIO, validation: BinaryIO) -> list[Finding]:
    """Return what a validation file shares with a training file, by the validation file's lines.

    The same example is an error (`leak`). Warnings are: one that differs in case, width, blanks, full stops at
    ends or weights alone (`similar_leak`), one that is nearly the same (`near_leak`), and one with an answer that is
    trained after the same question, as when windows of one session overlap (`neighbour_leak`). Each line has the
    gravest alone. At most a hundred are told, errors first; findings without a line come last. Lines that are no
    strict JSON object are passed over.
    """
    report = Report()
    add_leaks(report, training, validation)
    return sorted(report.findings, key=lambda finding: finding.line is None)


def add_leaks(report: Report, training: BinaryIO, validation: BinaryIO) -> None:
    """Add to the report of a validation file what `leaks` finds; reads both from where they stand to their ends."""
    comparison = _Comparison()
    for example in _examples(validation):
        if not comparison.remember(example):
            break
    for example in _examples(training):
        comparison.look_up(example)
    # What concerns the whole file goes first: while there is room, it is kept.
    for problem in comparison.sum_up():
        report.add(None, problem)
    for line, problem in comparison.leaks():
        report.add(line, problem)
    report.findings.sort(key=lambda finding: finding.line or 0)


class _Comparison:
    """What is kept of the validation examples, and where in the training file it was seen again."""

    def __init__(self) -> None:
        self._kept: list[_Example] = []
        self._wanted: set[int] = set()
        self._first: dict[int, int] = {}
        self._answers = 0
        self._all = True
        self._likenesses = Likenesses()
        self._sampled = False
        self._sampler = Sampler(MAX_TRAINED_CHARACTERS)
        self._near: dict[int, tuple[float, int]] = {}
        self._trained = False

    def remember(self, example: _Example) -> bool:
        """Keep the marks of a validation example; False if there is no room."""
        if len(self._kept) == MAX_COMPARED or self._answers + len(example.answers) > MAX_ANSWERS:
            self._all = False
            return False
        sample = self._likenesses.sampler.take(example.talk)
        if sample is not None:
            self._sampled = True
            self._likenesses.remember(sample, example.line)
        self._answers += len(example.answers)
        self._kept.append(example._replace(talk=""))
        self._wanted.update(_marks(example))
        return True

    def look_up(self, example: _Example) -> None:
        """Note which of the validation examples this training example is like."""
        self._trained = True
        for mark in self._wanted.intersection(_marks(example)):
            self._first.setdefault(mark, example.line)
        sample = self._sampler.take(example.talk) if self._sampled else None
        for line, alike in self._likenesses.near(sample) if sample is not None else ():
            self._near[line] = max(self._near.get(line, (0.0, 0)), (alike, -example.line))

    def leaks(self) -> Iterator[tuple[int, Problem]]:
        """The gravest leak of each validation example that has one, with its line."""
        for example in self._kept:
            problem = self._judge(example)
            if problem is not None:
                yield example.line, problem

    def sum_up(self) -> Problems:
        """What the single leaks do not say."""
        found = [problem.severity for _, problem in self.leaks()]
        if len(found) > MAX_KEPT_FINDINGS:
            severity: Severity = "error" if "error" in found else "warning"
            detail = (
                f"{len(found)} of {len(self._kept)} validation examples stand in the training file too, or nearly so."
                " Split the data anew."
            )
            yield Problem("", "leaks", detail, severity)
        if not self._trained:
            detail = "the training file has no line that is a JSON object: nothing could be compared. Is it JSONL?"
            yield Problem("", "nothing_compared", detail)
        if not self._all:
            detail = (
                f"only the first {len(self._kept)} validation examples were compared. Compare the rest in a file of"
                " its own."
            )
            yield Problem("", "partly_compared", detail, "warning")
        elif self._sampler.spent or self._likenesses.sampler.spent:
            detail = (
                f"near copies were looked for in the first {MAX_CHARACTERS // 10**6} million characters of validation"
                f" and {MAX_TRAINED_CHARACTERS // 10**6} million of training. Compare the rest in files of their own."
            )
            yield Problem("", "partly_compared", detail, "warning")

    def _judge(self, example: _Example) -> Problem | None:
        first = self._first
        if example.exact in first:
            detail = f"the example stands in the training file too, on line {first[example.exact]}. Keep one of them."
            return Problem("", "leak", detail)
        if example.alike in first:
            detail = (
                f"the example says the same as line {first[example.alike]} of the training file but for case, width,"
                " blanks, a full stop at an end or weights. Keep one of them."
            )
            return Problem("", "similar_leak", detail, "warning")
        if example.line in self._near:
            alike, line = self._near[example.line]
            detail = (
                f"the example is nearly the same as line {-line} of the training file ({alike:.0%} alike)."
                " Keep one of them."
            )
            return Problem("", "near_leak", detail, "warning")
        for mark, pointer in example.answers:
            if mark in first:
                detail = (
                    f"the answer and the question before it stand in the training file too, on line {first[mark]}."
                    " Put all parts of a conversation into the same file, or drop the example."
                )
                return Problem(pointer, "neighbour_leak", detail, "warning")
        return None


def _marks(example: _Example) -> Iterator[int]:
    yield example.exact
    yield example.alike
    yield from (answer.mark for answer in example.answers)


def _examples(stream: BinaryIO) -> Iterator[_Example]:
    """All examples of a file; a line that is too long comes in pieces, none of which is an object."""
    number = 1
    for piece in iter(partial(stream.readline, MAX_LINE_BYTES), b""):
        # The check tells what is wrong with a line; values nested too deeply to be walked through are no text.
        with suppress(Unreadable, RecursionError):
            example = read_line(piece.removeprefix(BYTE_ORDER_MARK) if number == 1 else piece)
            if isinstance(example, dict):
                yield _read(example, number)
        number += piece.endswith(b"\n")


def _read(example: dict[str, object], line: int) -> _Example:
    kind = recognise(example)
    turns = turns_of(example, kind) if kind is not None else []
    # In a list, what one example says is never taken for what another holds.
    return _Example(
        line, hash(content_of(example)), hash(content_of([_plain(example)])), tuple(answers_of(turns)), talk_of(turns)
    )


def _plain(value: Any) -> Any:
    """The value without what makes no difference to a reader."""
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key != "weight"}
    return value
