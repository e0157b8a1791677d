"""Reads the CSV and XLSX files of MemoTrace 3, which do not say whose they are; its texts have a module beside."""

from collections.abc import Iterator
from pathlib import PurePath

from dataprep.plural import counted
from dataprep.records import LeftOut, Message, Place, Row
from dataprep.sources import memotrace_text
from dataprep.sources.clock import seconds_of
from dataprep.sources.csv_records import read_records
from dataprep.sources.memotrace_words import read_named
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.spreadsheet import open_workbook
from dataprep.sources.walks import chat_of, header_of
from dataprep.sources.wechat_words import UNSPOKEN

_COLUMNS = ("消息ID", "类型", "发送人", "时间", "内容")
_ZIP_MARK = b"PK\x03\x04"
_NO_TABLE = "No sheet begins with the columns 消息ID, 类型, 发送人, 时间, 内容. Give the file as MemoTrace exported it."

Records = Iterator[tuple[int, list[str] | None]]


def recognise_csv(head: Head) -> str | None:
    """Tell it by its columns."""
    return "its first line names the columns of MemoTrace's CSV" if _is_header(header_of(head)) else None


def recognise_xlsx(head: Head) -> str | None:
    """Tell it by the columns of one of its sheets."""
    if not head.raw.startswith(_ZIP_MARK):
        return None
    try:
        next(_sheet_records(head), None)
    except UnreadableSource:
        return None
    return "its sheet has the columns of MemoTrace's workbook"


def read_csv(head: Head) -> Iterator[Row]:
    """Yield a row for each record; reads the file twice, for whether it is a group shows only at its end."""
    return _rows(head, _csv_records(head), _is_group(_csv_records(head)))


def read_xlsx(head: Head) -> Iterator[Row]:
    """Yield a row for each row of the sheet of messages, not of that of members; the sheet is held in memory."""
    records = list(_sheet_records(head))
    return _rows(head, iter(records), _is_group(iter(records)))


def _csv_records(head: Head) -> Records:
    records = read_records(head)
    _, header = next(records, (1, None))
    if not _is_header(header or []):
        raise UnreadableSource(_NO_TABLE)
    yield from records


def _sheet_records(head: Head) -> Records:
    """Yield the rows below the header of the first sheet that has it; raises UnreadableSource if none has."""
    with open_workbook(head.path) as sheets:
        for sheet in sheets:
            if _is_header(next(sheet.rows, [])):
                yield from enumerate(sheet.rows, 2)
                return
    raise UnreadableSource(_NO_TABLE)


def _is_header(cells: list[str]) -> bool:
    return tuple(cell.strip() for cell in cells[: len(_COLUMNS)]) == _COLUMNS


def _is_group(records: Records) -> bool:
    full = (cells for _, cells in records if cells and len(cells) >= len(_COLUMNS))
    return len({cells[2] for cells in full if cells[2] and cells[1] != "系统消息"}) > 2


def _rows(head: Head, records: Records, is_group: bool) -> Iterator[Row]:
    for row, cells in records:
        place = Place(head.label, row)
        if cells is None:
            yield LeftOut(place, "broken_row", "no sound CSV")
        elif not any(cells):
            yield LeftOut(place, "blank")
        else:
            yield _message(place, cells, chat_of(head), is_group)


def _message(place: Place, cells: list[str], chat: str, is_group: bool) -> Row:
    """Return one row as a message; the sheet has no ids of people, so the name shown is the sender's id."""
    if len(cells) < len(_COLUMNS):
        return LeftOut(place, "broken_row", f"{counted(len(cells), 'cell')} where 8 belong")
    message_id, kind_name, sender, clock, content = cells[: len(_COLUMNS)]
    timestamp = seconds_of(clock)
    if timestamp is None:
        return LeftOut(place, "broken_row", f"{clock[:40]!r} is no time")
    words = read_named(kind_name.strip(), content)
    if words.kind in UNSPOKEN:
        sender = ""
    return Message(
        place=place,
        chat_id=chat,
        chat_name=PurePath(chat).name,
        sender_id=sender,
        sender_name=sender,
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_group=is_group,
        message_id=message_id,
        quoted_text=words.quoted,
    )


SOURCES: tuple[Source, ...] = (
    Source("memotrace-csv", "MemoTrace 3 CSV", recognise_csv, read_csv),
    Source("memotrace-xlsx", "MemoTrace 3 XLSX", recognise_xlsx, read_xlsx),
    *memotrace_text.SOURCES,
)
