"""Finds out what the given files and folders are, and reads their rows; what becomes of the rows is not known here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataprep.checks.wording import did_you_mean
from dataprep.conversion.ledger import MAX_DETAILS
from dataprep.decoding import encoding_of
from dataprep.records import LeftOut, Place, Row
from dataprep.sources.archive import open_archive
from dataprep.sources.documents import DOCUMENT
from dataprep.sources.registry import BY_NAME, look_at, recognise
from dataprep.sources.source import Head, Source, UnreadableSource

# A file of which so many rows are blank or broken, nine in ten of all, is something else.
MAX_BROKEN = 10_000
_BROKEN = {"blank", "broken_row", "comment", "stray_line"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_EMPTY = "it is empty; perhaps an export or a download broke off"
_NUMBER = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Input:
    """One recognised file or folder: its head, its reader, and why it is read by this one.

    The head's encoding is what it is read in, as asked for or guessed; empty for folders and ZIP files, which hold
    several. `was_found`: it was met in a folder, so that its faults are no reason to refuse the others.
    """

    head: Head
    source: Source
    reason: str
    was_found: bool = False

    def rows(self) -> Iterator[Row]:
        """Yield the rows, those left out for one reason in a row as one; raises UnreadableSource, naming the file."""
        try:
            yield from _joined(self._rows_to_the_break() if self.was_found else self._sound_rows())
        except UnreadableSource as unreadable:
            raise UnreadableSource(f"{self.head.label}: {unreadable}") from None

    def _rows_to_the_break(self) -> Iterator[Row]:
        """The rows as far as the file can be read, and the one that cannot; raises if that is the first."""
        last: Place | None = None
        try:
            for row in self._sound_rows():
                last = row.place
                yield row
        except UnreadableSource as unreadable:
            if last is None:
                raise
            yield LeftOut(Place(last.file, last.row + 1), "breaks_off", str(unreadable))

    def _sound_rows(self) -> Iterator[Row]:
        """The reader's rows, as long as some of them can be read."""
        broken = 0
        for number, row in enumerate(self.source.read(self.head), 1):
            if isinstance(row, LeftOut) and row.reason in _BROKEN:
                broken += 1
                if broken >= MAX_BROKEN and broken * 10 > number * 9:
                    why = row.detail or row.reason.replace("_", " ")
                    raise UnreadableSource(
                        f"{broken} of its first {number} rows are blank or broken (row {row.place.row}: {why}), so that"
                        f" it hardly is {self.source.title}. Name another format with 'format', or delete these rows."
                    )
            yield row


@dataclass(frozen=True, slots=True)
class Unread:
    """A file of a folder that no reader knows, or that nothing can be made of."""

    label: str
    reason: str


def find_inputs(
    paths: Sequence[tuple[Path, str]], format_name: str = "", encoding: str = ""
) -> tuple[list[Input], list[Unread]]:
    """Return the inputs among these (path, label) pairs, and what folders hold beside them.

    A folder that a reader knows is one input; of any other, its files are tried one by one, in the order of names.

    Raises:
        UnreadableSource: a file is of no known format, or `format_name` is none; the message lists what is known.
        OSError: a file cannot be opened.
    """
    forced = _named(format_name) if format_name else None
    found, unread = list[Input](), list[Unread]()
    for path, label in paths:
        head = look_at(path, label, encoding)
        if (known := _settle(head, forced)) is not None:
            found.append(known)
        elif path.is_dir():
            _search(head, forced, found, unread)
        else:
            raise UnreadableSource(f"{label}{_why_unknown(head)}")
    if not found:
        names = ", ".join(label for _, label in paths)
        raise UnreadableSource(f"There is nothing in {names} that any of the known formats fits: {', '.join(BY_NAME)}.")
    return found, unread


def _joined(rows: Iterator[Row]) -> Iterator[Row]:
    """Make one of neighbouring rows that are left out for the same reason; the first one's detail stays.

    The first broken rows stay apart, for each may have a fault of its own.
    """
    first, count, broken = None, 0, 0
    for row in rows:
        if not isinstance(row, LeftOut):
            if first is not None:
                yield replace(first, rows=count)
            first, count = None, 0
            yield row
        elif first is not None and _is_more_of(first, row) and (row.reason != "broken_row" or broken >= MAX_DETAILS):
            count += row.rows
        else:
            if first is not None:
                yield replace(first, rows=count)
            first, count = row, row.rows
            broken += row.reason == "broken_row"
    if first is not None:
        yield replace(first, rows=count)


def _is_more_of(first: LeftOut, row: LeftOut) -> bool:
    return row.reason == first.reason and row.place.file == first.place.file


def labelled(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return each path with a label: its name, or the whole path of each where two would be the same."""
    names = [path.resolve().name or str(path) for path in paths]
    labels = names if len(set(names)) == len(names) else map(str, paths)
    return [(path, _one_line(label)) for path, label in zip(paths, labels, strict=True)]


def _one_line(name: str) -> str:
    """A file's name without the line breaks that it may have; a report has a line for each file."""
    return _CONTROL.sub("\ufffd", name)


def _named(name: str) -> Source:
    if name not in BY_NAME:
        hint = did_you_mean(name, BY_NAME)
        raise UnreadableSource(f"There is no format '{name[:80]}'.{hint} Known: {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def _page_order(path: Path) -> list[tuple[int, str]]:
    """Names in the order of their numbers: page 20 comes before page 100."""
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in _NUMBER.split(path.name)]


def _settle(head: Head, forced: Source | None) -> Input | None:
    if _is_empty(head):
        return None
    if forced is None:
        known = recognise(head)
    else:
        known = (forced, "as asked for") if not head.is_folder or forced.recognise(head) else None
    # Guessed once: readers open a file several times.
    return Input(replace(head, encoding=_encoding_of(head)), *known) if known else None


def _is_empty(head: Head) -> bool:
    return not head.text and not head.is_folder


def _why_unknown(head: Head) -> str:
    """What is wrong with a file that no reader knows; of a ZIP file also why it cannot be looked into."""
    if _is_empty(head):
        return f": {_EMPTY.capitalize()}."
    if head.raw.startswith(b"PK"):
        try:
            with open_archive(head.path):
                return ": It is a ZIP file, but no Slack export and no workbook. Unpack it and give the folder."
        except UnreadableSource as unreadable:
            return f": {unreadable}"
    return f" is of no format that is known here. Name one with 'format': {', '.join(BY_NAME)}."


def _encoding_of(head: Head) -> str:
    if not head.raw or head.raw.startswith(b"PK\3\4"):
        return ""
    return head.encoding or encoding_of(head.path)


def _search(folder: Head, forced: Source | None, found: list[Input], unread: list[Unread]) -> None:
    """Look for inputs below a folder that is none itself."""
    for path in sorted(folder.path.iterdir(), key=_page_order):
        inner = f"{folder.label}/{_one_line(path.name)}"
        if path.name.startswith(".") or path.is_symlink() or not (path.is_dir() or path.is_file()):
            continue
        try:
            within = look_at(path, inner, folder.encoding)
        except OSError as error:
            unread.append(Unread(inner, f"it cannot be opened ({error.strerror})"))
            continue
        known = _settle(within, forced)
        if known is not None and known.source.name == DOCUMENT and forced is None:
            unread.append(Unread(inner, f"{known.reason}, which holds no questions with answers"))
        elif known is not None:
            found.append(replace(known, was_found=True))
        elif path.is_dir():
            _search(within, forced, found, unread)
        else:
            unread.append(Unread(inner, _EMPTY if _is_empty(within) else "of no format that is known here"))
