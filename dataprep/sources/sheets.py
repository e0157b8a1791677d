"""Reads sheets of questions and answers: CSV, TSV, XLSX; a cell that looks like a formula stays the text it is."""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

from dataprep.records import Dialogue, LeftOut, Place, Row
from dataprep.sources.csv_records import read_records
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.spreadsheet import open_workbook

Cells = list[str]

_HEADER_WITHIN = 10
_QUESTION = {
    "问题",
    "标准问",
    "标准问题",
    "提问",
    "问",
    "用户问题",
    "question",
    "questions",
    "q",
    "prompt",
    "instruction",
}
_ANSWER = {
    "答案",
    "标准答案",
    "回答",
    "回复",
    "答复",
    "答",
    "answer",
    "answers",
    "a",
    "completion",
    "output",
    "response",
}
_SIMILAR = {"相似问", "相似问题", "相似问法", "similar question", "similar questions"}
_INPUT, _SYSTEM = {"input"}, {"system"}
# Headings of chat logs: two columns of those are no questions and answers.
_CHAT_WORDS = {
    "时间",
    "发送人",
    "发送者",
    "昵称",
    "内容",
    "消息",
    "time",
    "date",
    "timestamp",
    "sender",
    "from",
    "name",
}
_CHAT_WORDS |= {"message", "msg", "content", "text", "author", "user", "talker"}
_is_number = re.compile(r"[\s\d.,:/%+-]*").fullmatch
_split_similar = re.compile(r"[\n|｜]+").split
_NO_COLUMNS = (
    "It has no columns of questions and answers: name two columns 问题 and 答案, or question and answer, within the"
    " first 10 rows, or leave two columns of text."
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns hold what; `header` is the number of the row with their names, 0 without one."""

    header: int
    question: int
    answer: int
    similar: tuple[int, ...] = ()
    input: int | None = None
    system: int | None = None


def _layout_of(rows: list[Cells]) -> _Layout | None:
    for number, cells in enumerate(rows, 1):
        names = [_name_of(cell) for cell in cells]
        question, answer = _find(names, _QUESTION), _find(names, _ANSWER)
        if question is not None and answer is not None:
            similar = tuple(at for at, name in enumerate(names) if name.rstrip("0123456789") in _SIMILAR)
            return _Layout(number, question, answer, similar, _find(names, _INPUT), _find(names, _SYSTEM))
    if any(_name_of(cell) in _CHAT_WORDS for cell in chain.from_iterable(rows[:1])):
        return None
    columns = _text_columns(rows)
    return _Layout(0, columns[0], columns[1]) if len(columns) == 2 else None


def _name_of(cell: str) -> str:
    """A heading without what people put around it: `*问题（必填）:` is 问题."""
    return re.sub(r"[(（\[【].*", "", cell).strip(" \t\r\n*:：\ufeff").casefold()


def _find(names: list[str], wanted: set[str]) -> int | None:
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
        found: list[tuple[_Layout, str]] = []
        for delimiter in delimiters:
            with closing(_delimited(head, delimiter)) as rows:
                if layout := _layout_of(list(islice(rows, _HEADER_WITHIN))):
                    found.append((layout, delimiter))
        if not found:
            raise UnreadableSource(_NO_COLUMNS)
        # The delimiter that shows a header is the one.
        layout, delimiter = max(found, key=lambda one: one[0].header > 0)
        yield from _read_rows(head.label, _delimited(head, delimiter), layout)

    return read


def _delimited(head: Head, delimiter: str) -> Generator[Cells, None, None]:
    for line, cells in read_records(head, delimiter):
        if cells is None:
            detail = f"Line {line} cannot be read; perhaps a quotation mark is never closed"
            raise UnreadableSource(f"{detail}. Save the sheet again as CSV in UTF-8, or as XLSX.")
        yield cells


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


def _recognise_as(ending: str) -> Callable[[Head], str | None]:
    def recognise(head: Head) -> str | None:
        if head.path.is_dir() or head.suffix not in (".csv", ".tsv", ".xlsx"):
            return None
        # People rename workbooks, so a sheet that is a ZIP is one.
        really = ".xlsx" if head.raw.startswith(b"PK\3\4") else head.suffix
        return f"a sheet ({ending}) that no chat export looks like" if really == ending else None

    return recognise


SOURCES: tuple[Source, ...] = (
    Source("qa-csv", "Questions and answers (CSV)", _recognise_as(".csv"), _read_delimited(",;\t")),
    Source("qa-tsv", "Questions and answers (TSV)", _recognise_as(".tsv"), _read_delimited("\t,;")),
    Source("qa-xlsx", "Questions and answers (XLSX)", _recognise_as(".xlsx"), _read_workbook),
)
