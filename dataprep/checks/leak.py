"""Finds validation examples that stand in the training file too; whether either file is sound is checked elsewhere."""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from dataprep.checks.checker import MAX_LINE_BYTES
from dataprep.checks.disguise import BYTE_ORDER_MARK
from dataprep.checks.overview import normalise
from dataprep.checks.report import MAX_KEPT_FINDINGS, Finding, Problem, Problems, Report, Severity
from dataprep.checks.strict_json import Unreadable, read_line

# So many validation examples are compared with all of the training file, so that memory stays flat.
MAX_COMPARED = 100_000


class _Mark(NamedTuple):
    """What is kept of an example: its line, a hash of what it holds, and one of what it says."""

    line: int
    exact: int
    alike: int


def leaks(training: BinaryIO, validation: BinaryIO) -> list[Finding]:
    """Return what a validation file shares with a training file, by the validation file's lines.

    The very same example is an error; one that differs in case, width, blanks or weights alone is a warning. At most
    a hundred are told, errors first; a last finding without a line counts all. Lines that are no strict JSON
    object are passed over.
    """
    marks = _marks(validation)
    compared = list(islice(marks, MAX_COMPARED))
    wanted = {one for mark in compared for one in mark[1:]}
    found: dict[int, int] = {}
    for line, *both in _marks(training):
        for one in wanted.intersection(both):
            found.setdefault(one, line)
    report = Report()
    for mark in compared:
        if mark.exact in found:
            detail = f"the example stands in the training file too, on line {found[mark.exact]}. Keep one of them."
            report.add(mark.line, Problem("", "leak", detail))
        elif mark.alike in found:
            detail = (
                f"the example says the same as line {found[mark.alike]} of the training file but for case, width,"
                " blanks or weights. Keep one of them."
            )
            report.add(mark.line, Problem("", "similar_leak", detail, "warning"))
    report.findings.sort(key=lambda finding: finding.line or 0)
    for pointer, code, detail, severity, _ in _sum_up(report, len(compared), complete=next(marks, None) is None):
        report.findings.append(Finding(None, pointer, code, severity, detail))
    return report.findings


def _sum_up(report: Report, compared: int, *, complete: bool) -> Problems:
    """What the single findings do not say."""
    count = report.errors + report.warnings
    if count > MAX_KEPT_FINDINGS:
        severity: Severity = "error" if report.errors else "warning"
        detail = f"{count} of {compared} validation examples stand in the training file too. Split the data anew."
        yield Problem("", "leaks", detail, severity)
    if not complete:
        detail = f"only the first {compared} validation examples were compared. Compare the rest in a file of its own."
        yield Problem("", "partly_compared", detail, "warning")


def _marks(stream: BinaryIO) -> Iterator[_Mark]:
    """The marks of all examples; a line that is too long comes in pieces, none of which is an object."""
    number = 1
    for piece in iter(partial(stream.readline, MAX_LINE_BYTES), b""):
        # The check tells what is wrong with a line; values nested too deeply to be walked through are no text.
        with suppress(Unreadable, RecursionError):
            example = read_line(piece.removeprefix(BYTE_ORDER_MARK) if number == 1 else piece)
            if isinstance(example, dict):
                # In a list, what one example says is never taken for what another holds.
                yield _Mark(number, _hash(example), _hash([_plain(example)]))
        number += piece.endswith(b"\n")


def _plain(value: Any) -> Any:
    """The value without what makes no difference to a reader."""
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key != "weight"}
    return value


def _hash(example: object) -> int:
    return hash(json.dumps(example, ensure_ascii=False, sort_keys=True))
