"""Reads sheets of questions and answers: CSV, TSV, XLSX; a cell that looks like a formula stays the text it is."""

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice

from dataprep.masking import Masker
from dataprep.records import Dialogue, LeftOut, Place, Row
from dataprep.sources import headings
from dataprep.sources.csv_records import read_records, records_in
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.spreadsheet import open_workbook

Cells = list[str]
Records = Iterator[tuple[int, Cells | None]]
Recogniser = Callable[[Head], str | None]

_HEADER_WITHIN = 10
# Stands for a row that no cells could be made of.
_UNREADABLE: Cells = ["\0"]
_MAX_SHOWN = 60
_is_number = re.compile(r"[\s\d.,:/%+-]*").fullmatch
_split_similar = re.compile(r"[\n|｜]+").split
_NO_COLUMNS = (
    "It has no columns of questions and answers: name two columns 问题 and 答案, or question and answer, within the"
    " first 10 rows, or leave two columns of text."
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns hold what; `header` is the number of the row with their names, 0 without one.

    `width` is how many columns there are, where a row with more cells can only be one that was cut in its words.
    """

    header: int
    question: int
    answer: int
    similar: tuple[int, ...] = ()
    input: int | None = None
    system: int | None = None
    width: int | None = None


def _layout_of(rows: list[Cells]) -> _Layout | None:
    for number, cells in enumerate(rows, 1):
        names = [headings.name_of(cell) for cell in cells]
        pairs = ((headings.QUESTION, headings.ANSWER), (headings.USER, headings.ASSISTANT))
        found = ((_find(names, asked), _find(names, answered)) for asked, answered in pairs)
        question, answer = next((pair for pair in found if None not in pair), (None, None))
        if question is not None and answer is not None:
            similar = tuple(at for at, name in enumerate(names) if name.rstrip("0123456789") in headings.SIMILAR)
            given, system = _find(names, headings.INPUT), _find(names, headings.SYSTEM)
            return _Layout(number, question, answer, similar, given, system)
    if any(headings.name_of(cell) in headings.CHAT for cell in chain.from_iterable(rows[:1])):
        return None
    columns = _text_columns(rows)
    return _Layout(0, columns[0], columns[1]) if len(columns) == 2 else None


def _find(names: list[str], wanted: frozenset[str]) -> int | None:
    return next((at for at, name in enumerate(names) if name in wanted), None)


def _text_columns(rows: list[Cells]) -> list[int]:
    """The columns that hold anything, if these are two; otherwise those that hold more than numbers."""
    width = max(map(len, rows), default=0)
    columns = {at: [row[at] for row in rows if at < len(row) and row[at].strip()] for at in range(width)}
    filled = [at for at, cells in columns.items() if cells]
    wordy = [at for at in filled if not all(map(_is_number, columns[at]))]
    return filled if len(filled) == 2 and wordy else wordy


def _read_rows(label: str, rows: Iterator[Cells], layout: _Layout) -> Iterator[Row]:
    """Yield every row but the one of names; neighbours left out for one reason, perhaps a million, as one.

    A row that says the same as the one above shares its fate, and is its duplicate where that is an example.
    """
    numbered = enumerate(rows, 1)
    for number, cells in islice(numbered, layout.header):
        if number < layout.header:
            yield LeftOut(Place(label, number), "header" if any(map(str.strip, cells)) else "blank")
    start = number = layout.header
    reason = detail = ""
    above: Cells | None = None
    for number, cells in numbered:
        why, what = (reason or "duplicate", "") if cells == above else _why_left(cells, layout)
        above = cells
        if why != reason:
            if reason:
                yield LeftOut(Place(label, start), reason, detail, number - start)
            start, reason, detail = number, why, what
        if not why:
            yield from _dialogues(Place(label, number), cells, layout)
    if reason:
        yield LeftOut(Place(label, start), reason, detail, number + 1 - start)


def _why_left(cells: Cells, layout: _Layout) -> tuple[str, str]:
    """Why a row holds no example, and what it does hold; empty if it holds one."""
    if cells == _UNREADABLE:
        return "broken_row", "it cannot be read; perhaps a quotation mark is never closed"
    if layout.width is not None and any(map(str.strip, cells[layout.width :])):
        detail = f"{len(cells)} cells where {layout.width} belong; put a text with the delimiter into quotation marks"
        return "broken_row", detail
    answer = _cell(cells, layout.answer)
    asked = _cell(cells, layout.question) or next(iter(_questions(cells, layout)), "")
    if asked:
        return ("", "") if answer else ("no_answer", asked[:80])
    return ("no_question", answer[:80]) if any(map(str.strip, cells)) else ("blank", "")


def _dialogues(place: Place, cells: Cells, layout: _Layout) -> Iterator[Dialogue]:
    """Yield a dialogue for each way of asking; the row counts once, however many it holds."""
    system, answer = _cell(cells, layout.system), _cell(cells, layout.answer)
    lead = [{"role": "system", "content": system}] if system else []
    for at, asked in enumerate(_questions(cells, layout)):
        turns = ({"role": "user", "content": asked}, {"role": "assistant", "content": answer})
        yield Dialogue(place, (*lead, *turns), rows=0 if at else 1)


def _questions(cells: Cells, layout: _Layout) -> list[str]:
    asked = "\n".join(filter(None, (_cell(cells, layout.question), _cell(cells, layout.input))))
    similar = (one.strip() for at in layout.similar for one in _split_similar(_cell(cells, at)))
    return [one for one in dict.fromkeys((asked, *similar)) if one]


def _cell(cells: Cells, at: int | None) -> str:
    return cells[at].strip() if at is not None and at < len(cells) else ""


def _read_delimited(delimiters: str) -> Callable[[Head], Iterator[Row]]:
    def read(head: Head) -> Iterator[Row]:
        layout, delimiter, _ = _choose(partial(read_records, head), delimiters)
        yield from _read_rows(head.label, _cells(read_records(head, delimiter)), layout)

    return read


def _choose(cut: Callable[[str], Records], delimiters: str) -> tuple[_Layout, str, list[Cells]]:
    """Return the columns, the delimiter that shows a header, else the one that cuts most evenly, and the first rows."""
    found: list[tuple[str, list[Cells]]] = []
    for delimiter in delimiters:
        with closing(_cells(cut(delimiter))) as rows:
            found.append((delimiter, list(islice(rows, _HEADER_WITHIN))))
        layout = _layout_of(found[-1][1])
        if layout and layout.header:
            return replace(layout, width=len(found[-1][1][layout.header - 1])), *found[-1]
    delimiter, first = max(found, key=lambda one: _evenness(one[1]))
    layout = None if _is_mostly_one_column(first) else _layout_of(first)
    if layout is None:
        raise UnreadableSource(_NO_COLUMNS)
    return replace(layout, width=max(map(len, first))), delimiter, first


def _evenness(rows: list[Cells]) -> tuple[int, int]:
    """How many rows have the same number of columns, and how few of these begin with a blank, as the rest of a text."""
    widths = Counter(len(cells) for cells in rows if len(cells) > 1)
    blanks = sum(cell.startswith(" ") for cells in rows for cell in cells[1:])
    return max(widths.values(), default=0), -blanks


def _is_mostly_one_column(rows: list[Cells]) -> bool:
    widths = [len(cells) for cells in rows if any(map(str.strip, cells))]
    return 2 * widths.count(1) > len(widths)


def _cells(records: Records) -> Generator[Cells, None, None]:
    for _, cells in records:
        yield _UNREADABLE if cells is None else cells


def _read_workbook(head: Head) -> Iterator[Row]:
    with open_workbook(head.path) as sheets:
        passed: list[LeftOut] = []
        found = False
        for sheet in sheets:
            label = f"{head.label}#{sheet.name}"
            first = list(islice(sheet.rows, _HEADER_WITHIN))
            layout = None if sheet.is_hidden else _layout_of(first)
            rows = chain(first, sheet.rows)
            if layout:
                found = True
                yield from _read_rows(label, rows, layout)
            elif count := sum(1 for _ in rows):
                reason = "hidden_sheet" if sheet.is_hidden else "no_columns"
                passed.append(LeftOut(Place(label, 1), reason, rows=count))
        if not found:
            raise UnreadableSource(_NO_COLUMNS)
        yield from passed


def _recognise_as(ending: str, look: Callable[[Head], Iterator[tuple[_Layout, list[Cells]]]]) -> Recogniser:
    def recognise(head: Head) -> str | None:
        if head.is_folder or head.suffix not in (".csv", ".tsv", ".xlsx"):
            return None
        # People rename workbooks, so a sheet that is a ZIP is one.
        really = ".xlsx" if head.raw.startswith(b"PK\3\4") else head.suffix
        if really != ending:
            return None
        return f"a sheet ({ending}) that no chat export looks like{_tell_nameless(look(head))}"

    return recognise


def _tell_nameless(found: Iterator[tuple[_Layout, list[Cells]]]) -> str:
    """What is taken for the first example of the first sheet that names no columns; reading says what is wrong."""
    try:
        layout, first = next((one for one in found if not one[0].header), (None, []))
    except UnreadableSource:
        return ""
    cells = next((cells for cells in first if any(map(str.strip, cells))), [])
    if layout is None:
        return ""
    question, answer = (_shown(cells, at) for at in (layout.question, layout.answer))
    return f"; no row names its columns, so that the first is read as question {question} and answer {answer}"


def _shown(cells: Cells, at: int) -> str:
    cell = cells[at].strip() if at < len(cells) else ""
    return repr(Masker().mask(cell[:400])[:_MAX_SHOWN])


def _look_at_text(delimiters: str) -> Callable[[Head], Iterator[tuple[_Layout, list[Cells]]]]:
    def look(head: Head) -> Iterator[tuple[_Layout, list[Cells]]]:
        layout, _, first = _choose(partial(records_in, head.text), delimiters)
        yield layout, first

    return look


def _look_at_workbook(head: Head) -> Iterator[tuple[_Layout, list[Cells]]]:
    with open_workbook(head.path) as sheets:
        for sheet in sheets:
            first = list(islice(sheet.rows, _HEADER_WITHIN))
            if not sheet.is_hidden and (layout := _layout_of(first)):
                yield layout, first


def _of_text(name: str, delimiters: str) -> Source:
    recognise = _recognise_as(f".{name}", _look_at_text(delimiters))
    return Source(f"qa-{name}", f"Questions and answers ({name.upper()})", recognise, _read_delimited(delimiters))


SOURCES: tuple[Source, ...] = (
    _of_text("csv", ",;\t"),
    _of_text("tsv", "\t,;"),
    Source("qa-xlsx", "Questions and answers (XLSX)", _recognise_as(".xlsx", _look_at_workbook), _read_workbook),
)
