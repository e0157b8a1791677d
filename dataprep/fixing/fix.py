"""Writes a mended copy of a training file and reports each change; what is unclear stays as it is, and is reported."""

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from dataprep.checks.checker import check
from dataprep.checks.content import content_of_line
from dataprep.checks.disguise import unmask_bytes
from dataprep.checks.examples import recognise
from dataprep.checks.phrasing import CONTROL, INVISIBLE, SEPARATOR
from dataprep.checks.profiles import TARGETS, Profile
from dataprep.checks.report import Kind, Report
from dataprep.checks.shapes import PlainMessage, read_clean_chat
from dataprep.decoding import SAMPLE_BYTES, is_encoding, settled_encoding
from dataprep.fixing.framing import BLANK, Framer, Record, TooLong
from dataprep.fixing.mending import Mend, masked, mend
from dataprep.fixing.raw_masking import mask_raw
from dataprep.fixing.repair import Reading, read
from dataprep.masking import Masker
from dataprep.plural import counted

MAX_KEPT_CHANGES = 1000
# Duplicates are looked for among this many first lines, so that memory stays flat.
MAX_REMEMBERED = 500_000
# A file of which so many records are no JSON objects, nine in ten of all, is no training file.
MAX_UNREAD = 10_000
_WORDS = {
    "array_to_lines": "an element of a JSON array became a line",
    "join_lines": "an object over several lines became one line",
    "split_lines": "objects that shared a line got a line each",
    "drop_trailing_comma": "a comma before a closing bracket or the line's end removed",
    "escape_control": "a raw control character in a string became its escape",
    "drop_bom": "the byte order mark removed",
}


class Unfixable(ValueError):
    """The file cannot be mended at all; the message says why and what to do."""


class Change(NamedTuple):
    """One change: the source's line (from 1), a code, and what was done in words."""

    line: int
    code: str
    what: str


@dataclass(slots=True)
class FixReport:
    """What a fix did; `records` (lines that held one value, none, or part of several) = `written` + all of `dropped`.

    `changes` keeps the first thousand, `counts` counts each by code; `masked` counts placeholders by kind. `left` is
    what a check finds in the new file, by the new file's lines.
    """

    encoding: str = "utf-8"
    lines: int = 0
    records: int = 0
    written: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    masked: Counter[str] = field(default_factory=Counter)
    left: Report = field(default_factory=Report)

    @property
    def adds_up(self) -> bool:
        """Whether every record is accounted for."""
        return self.records == self.written + self.dropped.total()

    def add(self, line: int, code: str, what: str = "", times: int = 1) -> None:
        """Count a change, and keep it while there is room."""
        self.counts[code] += times
        if len(self.changes) < MAX_KEPT_CHANGES:
            self.changes.append(Change(line, code, what or _WORDS[code]))


def fix(
    source: Path,
    target: Path,
    *,
    mask: bool = False,
    encoding: str | None = None,
    profile: str = "openai",
    minimum: int | None = None,
) -> FixReport:
    """Write a mended copy of `source` to `target`, which must not exist yet; `encoding` overrides the guess.

    What only some targets refuse, such as two answers in a row, is mended for the targets that do (`profile`). With
    `minimum`, too few examples are an error in what is left.
    Raises FileExistsError, Unfixable for what is no text, LookupError for an unknown encoding, ValueError for an
    unknown profile, and OSError.
    """
    if profile not in TARGETS:
        raise ValueError(f"unknown profile '{profile}', known: {', '.join(TARGETS)}")
    if encoding and not is_encoding(encoding):
        raise LookupError(f"unknown encoding '{encoding}'")
    if target.exists():
        raise FileExistsError(f"{target} exists. Name a new file: nothing is ever written over.")
    report, part = FixReport(), target.with_name(f".{target.name}.part")
    report.encoding = encoding or settle_encoding(source)
    try:
        with part.open("wb") as out:
            _Fixing(report, out, TARGETS[profile], Masker() if mask else None).run(source)
        with part.open("rb") as written:
            report.left = check(written, profile=profile, minimum=minimum)
        # Whoever made the target meanwhile keeps it.
        target.touch(exist_ok=False)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return report


def settle_encoding(source: Path) -> str:
    """Return the encoding that a fix reads a file in, unless told; raises Unfixable if it is no text."""
    with source.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    encoding = settled_encoding(sample)
    if not encoding.startswith("utf-") or encoding.startswith("utf-8"):
        disguise = unmask_bytes(sample.partition(b"\n")[0])
        if disguise is not None:
            raise Unfixable(disguise.detail)
    return encoding


class _Fixing:
    """One pass from a source to an open file."""

    def __init__(self, report: FixReport, out: BinaryIO, profile: Profile, masker: Masker | None) -> None:
        self._report = report
        self._profile = profile
        self._out = out
        self._masker = masker
        self._seen: set[bytes] = set()
        self._noise: set[bytes] = set()  # of these, what holds no object
        self._unread = 0
        self._kind: Kind | None = None

    def run(self, source: Path) -> None:
        """Read, mend and write record after record; raises Unfixable."""
        report = self._report
        narrow = not report.encoding.startswith(("utf-16", "utf-32"))
        errors = "surrogateescape" if narrow else "replace"
        if report.encoding == "utf-8-sig":
            report.add(1, "drop_bom")
        elif report.encoding != "utf-8":
            report.add(1, "recode", f"read as {report.encoding}, written as UTF-8")
        with source.open(encoding=report.encoding, errors=errors, newline="\n") as stream:
            framer = Framer(stream)
            try:
                for record in framer.records():
                    self._take(record)
            except TooLong as error:
                raise Unfixable(str(error)) from None
        report.lines = framer.lines
        if framer.crlf:
            report.add(1, "crlf_to_lf", f"{counted(framer.crlf, 'line')} ended in CR LF, now in LF", framer.crlf)
        if self._masker is not None:
            report.masked += self._masker.counts

    def _take(self, record: Record) -> None:
        line, text, origin, lines = record
        if text.startswith("\ufeff"):
            self._report.add(line, "drop_bom")
            text = text.lstrip("\ufeff")
        if not text.strip(BLANK):
            what = "a blank line removed" if lines == 1 else f"{lines} blank lines removed"
            self._drop(line, "drop_blank_lines", what, lines)
            return
        mark = _digest(text.encode("utf-8", "surrogateescape"))
        # What was mended once would come to the same again.
        if mark in self._seen:
            self._drop_repeated(line, lines, mark)
            return
        unread = self._unread
        self._take_new(line, text, origin, mark)
        if self._unread > unread and len(self._noise) < MAX_UNREAD:
            self._noise.add(mark)
        if lines > 1:
            self._drop_repeated(line + 1, lines - 1, mark)

    def _take_new(self, line: int, text: str, origin: str, mark: bytes) -> None:
        clean = None if origin or self._masker is not None else self._read_clean(text)
        if clean is not None:
            data = text.encode()
            self._write_new(line, data, content_of_line(data, {"messages": clean}), mark)
            return
        if origin:
            self._report.add(line, origin)
        self._remember(mark)
        for data, content in self._mend(line, text, bool(origin)):
            self._write_new(line, data, content, mark)

    def _write_new(self, line: int, data: bytes, content: bytes, mark: bytes) -> None:
        """Write a line unless one that holds the same was written; `mark` is that of the line as it was read."""
        done = _digest(content)
        if done != mark and done in self._seen:
            self._drop_repeated(line, 1, done)
            return
        self._remember(done)
        self._report.records += 1
        self._report.written += 1
        self._out.write(data + b"\n")

    def _read_clean(self, text: str) -> list[PlainMessage] | None:
        """The messages of a line so plainly faultless that it need not be taken apart."""
        if "\\u" in text or any(odd.search(text) for odd in (CONTROL, INVISIBLE, SEPARATOR)):
            return None
        messages = read_clean_chat(text.encode("utf-8", "surrogateescape"))
        ignored = messages if self._profile.weight is not None else None
        return None if any(one.weight is not None for one in ignored or ()) else messages

    def _mend(self, line: int, text: str, reframed: bool) -> list[tuple[bytes, bytes]]:
        """The lines to be written for the text of one record, each with what it holds: itself if it is unreadable."""
        try:
            reading = read(text)
            if reading is None or not any(isinstance(value, dict) for value in reading.values):
                self._count_unread(line)
            mended = [] if reading is None else self._mend_values(line, reading, reframed)
        except RecursionError:
            reading, mended = None, []
        if reading is not None:
            lines = zip(mended or [text.encode()], reading.values, strict=True)
            return [(data, content_of_line(data, value)) for data, value in lines]
        kept = self._mask_raw(line, text)
        return [(one, one) for one in kept.encode("utf-8", "surrogateescape").split(b"\n") if one.strip()]

    def _mask_raw(self, line: int, text: str) -> str:
        """The text of a line that stays broken, with the masks asked for; nothing where they would not cover it."""
        safe = text if self._masker is None else mask_raw(text, self._masker)
        if safe is None:
            what = "personal data in a broken line that cannot be masked, so the line was left out"
            self._drop(line, "drop_unmasked", what)
            return ""
        if safe != text:
            self._report.add(line, "mask", "personal data replaced by placeholders in a line that stays broken")
        return safe

    def _mend_values(self, line: int, reading: Reading, reframed: bool) -> list[bytes]:
        """Mend each value and return all as lines; [] if nothing about them was changed."""
        changes, covered = list(reading.mended), False
        mends = [one for value in reading.values if isinstance(value, dict) for one in self._mend_example(value)]
        if self._masker is not None:
            before = self._masker.counts.total()
            reading.values[:] = [masked(value, self._masker) for value in reading.values]
            covered = self._masker.counts.total() > before
        if not (changes or mends or covered or reframed):
            return []
        lines = [json.dumps(value, ensure_ascii=False).encode() for value in reading.values]
        for code in changes:
            self._report.add(line, code)
        for code, what in mends:
            self._report.add(line, code, what)
        if covered:
            self._report.add(line, "mask", "personal data replaced by placeholders")
        return lines

    def _mend_example(self, example: dict[str, Any]) -> list[Mend]:
        """Mend an example as what it is among those before it."""
        kind = recognise(example, self._kind)
        self._kind = self._kind or kind
        return mend(example, self._profile, kind)

    def _remember(self, mark: bytes) -> None:
        if len(self._seen) < MAX_REMEMBERED:
            self._seen.add(mark)

    def _drop_repeated(self, line: int, times: int, mark: bytes) -> None:
        what = "the same example as before, removed" + (f" {times} times" if times > 1 else "")
        self._drop(line, "drop_duplicates", what, times)
        if mark in self._noise:
            self._count_unread(line + times - 1, times)

    def _drop(self, line: int, code: str, what: str, times: int = 1) -> None:
        self._report.records += times
        self._report.dropped[code] += times
        self._report.add(line, code, what, times)

    def _count_unread(self, line: int, times: int = 1) -> None:
        """Count what is no object; raises Unfixable where there is little else."""
        self._unread += times
        if self._unread >= MAX_UNREAD and self._unread * 10 > self._report.records * 9:
            raise Unfixable(
                f"{self._unread} of the lines up to line {line} hold no JSON object, most of them: this is no training"
                " file. If it is an export or a sheet, convert it instead."
            )


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=12).digest()
