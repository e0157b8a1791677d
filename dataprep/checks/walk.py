"""One pass over the lines of a file in flat memory; it reports what is wrong, changes nothing and keeps no example."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, count, repeat
from typing import Any, BinaryIO

from msgspec import to_builtins

from dataprep.checks.content import content_of_line
from dataprep.checks.disguise import BYTE_ORDER_MARK, unmask_bytes, unmask_text
from dataprep.checks.examples import check_example, holds_examples, recognise
from dataprep.checks.length import check_length
from dataprep.checks.likeness import MAX_CHARACTERS, Likenesses
from dataprep.checks.limits import BLOCK, MAX_LINE_BYTES, MAX_REMEMBERED, Line
from dataprep.checks.overview import Overview, check_size
from dataprep.checks.phrasing import Turn, check_turns, check_unread
from dataprep.checks.profiles import Profile
from dataprep.checks.report import Kind, Problem, Report
from dataprep.checks.shapes import read_clean_chat
from dataprep.checks.strict_json import Unreadable, count_objects, read_line
from dataprep.checks.suspicion import may_hold_secret, may_lack_words
from dataprep.checks.texts import texts_beside, turns_of, turns_of_clean

# A file with more errors is not worth more of anybody's time.
MAX_ERRORS = 10_000
MAX_BLANK_LINES = 500_000
# A file that begins with so many lines of no JSON object is something else.
MAX_STRAYS = 20

_NAMES: dict[Kind, str] = {
    "chat": "chat messages",
    "preference": "a preference pair",
    "reinforcement": "a question for reinforcement",
    "completion": "a prompt/completion pair",
}


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """All lines; whether one may hold a secret is not asked where all are looked at closely."""
    return zip(count(1), iter(partial(stream.readline, MAX_LINE_BYTES + 1), b""), repeat(False))


class Walk:
    """One pass over the lines of one file."""

    def __init__(self, profile: Profile, minimum: int | None, stride: int) -> None:
        self.report = Report()
        self._profile = profile
        self._minimum = minimum
        self._stride = stride
        # A text has at most as many tokens as bytes: most lines need no counting.
        self._short = sys.maxsize if profile.max_tokens is None else profile.max_tokens
        self._overview = Overview(Likenesses(MAX_CHARACTERS if stride == 1 else MAX_CHARACTERS // 8))
        self._kind_line = 0
        self._marked = self._of_windows = False
        self._blank_lines = 0
        self._strays = 0
        self._first_blank = 0
        self._seen: dict[int, int] = {}
        self._remember = self._seen.setdefault

    def read_blocks(self, stream: BinaryIO, size: int = BLOCK) -> Iterator[Line]:
        """The lines that have to be looked at one by one; the others are counted as they are passed over."""
        # The scanner is loaded for large files alone.
        from dataprep.checks.blocks import Blocks

        return Blocks(stream, self.report, self._seen, self._stride, self._short).lines(size)

    def follow(self, lines: Iterator[Line]) -> None:
        """Check line after line, until the end or until there is no point in going on."""
        report, stride, short, weights = self.report, self._stride, self._short, self._profile.weight is None
        # Most lines are clean and new: what they go through is kept short.
        for number, line, suspect in self._open(lines):
            if number > MAX_REMEMBERED:
                self._remember = self._seen.get
            report.bytes += len(line)
            if not line.endswith(b"\n"):
                line += b"\n"
            # A damaged file may be nothing but these.
            if line == b"\n":
                if self._pass_over(number):
                    continue
                report.complete = False
                return
            messages = read_clean_chat(line)
            if messages is not None and (weights or all(message.weight is None for message in messages)):
                report.examples += 1
                if report.kind != "chat":
                    self._settle_kind("chat", number)
                if len(line) > short:
                    self._check_length({"messages": to_builtins(messages)}, number)
                if self._is_repeated({"messages": messages}, line, number):
                    continue
                if number % stride == 0:
                    self._look_closely(turns_of_clean(messages), number)
                elif may_lack_words(messages) or (suspect and may_hold_secret(line)):
                    self._look_for_errors(turns_of_clean(messages), number)
            elif not self._examine(line, number):
                self.report.complete = False
                return

    def finish(self) -> Report:
        """Add what only the whole file shows, and hand over the report."""
        report = self.report
        if report.complete and not report.examples:
            detail = 'The file is empty. Give one JSON object a line, such as {"messages": [...]}.'
            report.add(None, Problem("", "empty_file", detail))
            return report
        if self._marked:
            detail = "the file begins with a byte order mark (U+FEFF). Save it as UTF-8 without BOM."
            report.add(1, Problem("", "byte_order_mark", detail, fix="drop_bom"))
        if self._of_windows:
            detail = "the line ends in CR LF, as on Windows. Most targets take it, some do not. Write LF alone."
            report.add(1, Problem("", "crlf_line_ends", detail, "warning", "crlf_to_lf"))
        if self._blank_lines:
            detail = f"the line is blank, one of {self._blank_lines}. They are skipped; line numbers count them."
            report.add(self._first_blank, Problem("", "blank_lines", detail, "warning", "drop_blank_lines"))
        self._sum_up()
        report.findings.sort(key=lambda finding: finding.line or 0)
        return report

    def _sum_up(self) -> None:
        """Add what concerns no single line."""
        report = self.report
        for problem in check_size(report.bytes, self._profile):
            report.add(None, problem)
        if self._stride > 1 and report.closely < report.examples:
            detail = (
                f"the file is large: the wording of {report.closely} of {report.examples} examples was read (personal"
                " data, contradictions, near copies), and all of them for secret keys and answers without words. Check"
                " it thoroughly to have everything read."
            )
            report.add(None, Problem("", "partly_read", detail, "warning"))
        if report.complete:
            for problem in self._overview.finish(report.examples, self._profile, self._minimum):
                report.add(None, problem)

    def _look_closely(self, turns: list[Turn], number: int, beside: Iterable[Turn] = ()) -> None:
        """Read an example, and what goes along with it, for its wording; compare the example with the others."""
        self.report.closely += 1
        for problem in check_turns([*turns, *beside]):
            self.report.add(number, problem)
        if self._overview.examples < MAX_REMEMBERED:
            for problem in self._overview.look(turns, number):
                self.report.add(number, problem)

    def _look_for_errors(self, turns: list[Turn], number: int) -> None:
        """Tell what stands in the way of training, and nothing else, of a line outside the sample."""
        for problem in check_turns(turns):
            if problem.severity == "error":
                self.report.add(number, problem)

    def _check_length(self, example: Mapping[str, Any], number: int) -> None:
        too_long = check_length(example, self._short, self._profile.name)
        if too_long is not None:
            self.report.add(number, too_long)

    def _open(self, lines: Iterator[Line]) -> Iterator[Line]:
        """The lines without a byte order mark at the start; none at all if the file is no text."""
        number, first, suspect = next(lines, (1, b"", False))
        disguise = unmask_bytes(first)
        if disguise is not None:
            self.report.add(1, disguise)
            self.report.complete = False
            return iter(())
        if first.startswith(BYTE_ORDER_MARK):
            self._marked = True
            first = first.removeprefix(BYTE_ORDER_MARK)
            self.report.bytes += len(BYTE_ORDER_MARK)
        self._of_windows = first.endswith(b"\r\n")
        return chain(((number, first, suspect),), lines)

    def _examine(self, line: bytes, number: int) -> bool:
        """Find out what keeps a line from being clean; False if the rest is not worth reading."""
        if len(line) > MAX_LINE_BYTES:
            limit = MAX_LINE_BYTES // 1024 // 1024
            detail = f"the line is longer than {limit} MiB; the check stopped here. Is a line break missing?"
            self.report.add(number, Problem("", "line_too_long", detail))
            return False
        if not line or line.isspace():
            return self._pass_over(number)
        try:
            example = read_line(line)
        except Unreadable as unreadable:
            return self._refuse(unreadable.problem, line, number)
        if isinstance(example, list) and not self.report.examples:
            return self._refuse(Problem("", "not_an_object", ""), line, number)
        report, errors_before = self.report, self.report.errors
        report.examples += len(example) if isinstance(example, list) and holds_examples(example) else 1
        for problem in check_example(example, self._profile, report.kind):
            report.add(number, problem)
            if report.errors >= MAX_ERRORS:
                return False
        kind = recognise(example, report.kind) if isinstance(example, dict) else None
        if kind is not None:
            self._settle_kind(kind, number)
        if report.errors > errors_before:
            return True
        if len(line) > self._short and isinstance(example, dict):
            self._check_length(example, number)
        if not self._is_repeated(example, line, number) and kind is not None and isinstance(example, dict):
            turns = turns_of(example, kind)
            if number % self._stride == 0:
                self._look_closely(turns, number, texts_beside(example))
            else:
                self._look_for_errors([*turns, *texts_beside(example)], number)
        return True

    def _pass_over(self, number: int) -> bool:
        """Count a blank line; False if there are too many to go on."""
        self._blank_lines += 1
        self._first_blank = self._first_blank or number
        if self._blank_lines < MAX_BLANK_LINES:
            return True
        detail = f"this is blank line number {MAX_BLANK_LINES}; the check stopped here. Remove the blank lines."
        self.report.add(number, Problem("", "too_many_lines", detail))
        return False

    def _refuse(self, problem: Problem, line: bytes, number: int) -> bool:
        """Report an unreadable line; False if it is the first and shows that the file is no JSONL at all."""
        disguise = None if self.report.examples else unmask_text(line.decode("utf-8", "replace"))
        if not line.lstrip().startswith(b"{") and self._strays == self.report.examples:
            self._strays += 1
            if self._strays == MAX_STRAYS:
                return self._give_up()
        self.report.add(number, disguise or problem)
        if disguise is None:
            several = problem.fix == "split_lines"
            self.report.examples += count_objects(line.decode("utf-8", "replace")) if several else 1
        for secret in check_unread(line.decode("utf-8", "replace")) if disguise is None else ():
            self.report.add(number, secret)
        return disguise is None and self.report.errors < MAX_ERRORS

    def _give_up(self) -> bool:
        """Say one thing of a file that has begun with so many lines of no JSON, in place of one of each; False."""
        self.report, self._blank_lines = Report(bytes=self.report.bytes), 0
        detail = (
            f"none of the first {MAX_STRAYS} lines begins a JSON object: the file is no JSONL. If it is an export or a"
            " sheet, convert it."
        )
        self.report.add(1, Problem("", "unsupported_file_type", detail))
        return False

    def _settle_kind(self, kind: Kind, number: int) -> None:
        report = self.report
        if report.kind is None:
            report.kind, self._kind_line = kind, number
        elif report.kind != kind:
            detail = (
                f"this is {_NAMES[kind]}, but line {self._kind_line} is {_NAMES[report.kind]}."
                " Put each kind into a file of its own."
            )
            report.add(number, Problem("", "mixed_kinds", detail))

    def _is_repeated(self, example: object, line: bytes, number: int) -> bool:
        """Whether the example came before, which is told; in a file read closely, however its line is written."""
        mark = hash(content_of_line(line, example) if self._stride == 1 else line)
        first = self._remember(mark, number)
        if first == number:
            return False
        detail = f"the example is the same as that of line {first}. Keep one of them."
        self.report.add(number, Problem("", "duplicate_example", detail, "warning", "drop_duplicates"))
        return True
