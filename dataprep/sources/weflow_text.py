"""WeFlow's TXT and XLSX, where a kind has a name at most and is otherwise read off the words; its JSON is elsewhere."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import PurePath

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.spreadsheet import open_workbook
from dataprep.sources.walks import BrokenRow, Cells, attempt, chat_of, find_headers, read_blocks, stem_of
from dataprep.sources.wechat_words import UNSPOKEN, read_typed, read_untyped

_NAMES = {
    Kind.TEXT: ("文本消息",),
    Kind.IMAGE: ("图片消息",),
    Kind.VOICE: ("语音消息",),
    Kind.VIDEO: ("视频消息",),
    Kind.FILE: ("文件消息",),
    Kind.STICKER: ("动画表情",),
    Kind.LINK: ("卡片式链接", "图文消息"),
    Kind.LOCATION: ("位置消息",),
    Kind.RED_PACKET: ("红包卡片",),
    Kind.TRANSFER: ("转账卡片",),
    Kind.CALL: ("通话消息",),
    Kind.SHARE: ("小程序分享", "视频号直播卡片"),
    Kind.REPLY: ("引用消息",),
    Kind.SYSTEM: ("系统消息",),
    Kind.FORWARD: ("聊天记录合并转发",),
    Kind.CARD: ("名片消息",),
}
KINDS = {name: kind for kind, names in _NAMES.items() for name in names}
SELF = "我"
_HEADER = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) '(.*)'", re.ASCII)
_FIRST_ROWS = 10
_COLUMNS = ("时间", "发送者身份", "消息类型", "内容")


def _recognise_txt(head: Head) -> str | None:
    first = head.text.lstrip().partition("\n")[0].rstrip("\r")
    return "lines of time and 'name'" if _HEADER.fullmatch(first) else None


def _read_txt(head: Head) -> Iterator[Row]:
    senders = {found[2] for found in find_headers(head, _HEADER.fullmatch)}
    return read_blocks(head, _HEADER.fullmatch, partial(_block, chat_of(head), senders))


def _block(chat: str, senders: set[str], place: Place, header: re.Match[str], text: str) -> Message:
    """Only chats of two call their exporter 我; in a group who that is stays open."""
    timestamp = seconds_of(header[1])
    if timestamp is None:
        raise BrokenRow(f"{header[1]} is no time")
    words = read_untyped(text)
    spoken = words.kind not in UNSPOKEN
    return Message(
        place=place,
        chat_id=chat,
        sender_id=header[2] if spoken else "",
        sender_name=header[2] if spoken else "",
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_self=(spoken and header[2] == SELF) if SELF in senders else None,
        chat_name=PurePath(chat).name,
        is_group=len(senders - {SELF}) > 1,
        quoted_text=words.quoted,
    )


def _recognise_xlsx(head: Head) -> str | None:
    if head.suffix != ".xlsx" or not head.raw.startswith(b"PK"):
        return None
    try:
        found = _header_row(head)
    except UnreadableSource:
        return None
    return f"a header 序号,时间,发送者 in row {found[0]}" if found else None


def _header_row(head: Head) -> tuple[int, list[str]] | None:
    """Return the number and the cells of the header, which follows a few lines about the chat."""
    for number, cells in islice(_first_sheet(head), _FIRST_ROWS):
        if cells[:2] == ["序号", "时间"] and all(name in cells for name in _COLUMNS):
            return number, cells
    return None


def _first_sheet(head: Head) -> Iterator[tuple[int, list[str]]]:
    with open_workbook(head.path) as sheets:
        for sheet in islice(sheets, 1):
            yield from enumerate(sheet.rows, 1)


def _read_xlsx(head: Head) -> Iterator[Row]:
    found = _header_row(head)
    if not found:
        raise UnreadableSource(f"{head.label} has no header 序号,时间,发送者身份,消息类型,内容; name another format.")
    chat_id, names = chat_of(head), found[1]
    for number, values in _first_sheet(head):
        if number < found[0] and values[:1] == ["账号ID"] and len(values) > 1:
            chat_id = values[1] or chat_id
        elif number > found[0]:
            place = Place(head.label, number)
            if not any(values):
                yield LeftOut(place, "blank")
                continue
            cells = dict(zip(names, values + [""] * len(names), strict=False))
            yield attempt(partial(_sheet_row, chat_id, stem_of(head), place, cells), place)


def _sheet_row(chat_id: str, stem: str, place: Place, cells: Cells) -> Message:
    """The sender's id has had two names; in a group the exporter goes by a name, so who that is stays open."""
    timestamp = seconds_of(cells["时间"])
    if timestamp is None:
        raise BrokenRow("时间 is no time")
    kind = KINDS.get(cells["消息类型"])
    words = read_untyped(cells["内容"]) if kind is None else read_typed(kind, cells["内容"])
    role, is_group = cells["发送者身份"], chat_id.endswith("@chatroom")
    spoken = words.kind not in UNSPOKEN
    sender = (cells.get("发送者账号ID") or cells.get("发送者微信ID") or role) if spoken else ""
    name = cells.get("群昵称") or cells.get("发送者备注") or cells.get("发送者昵称") or role
    return Message(
        place=place,
        chat_id=chat_id,
        sender_id=sender,
        sender_name=name if spoken else "",
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_self=None if is_group else spoken and role == SELF,
        chat_name=stem,
        is_group=is_group,
        quoted_text=words.quoted,
    )


SOURCES: tuple[Source, ...] = (
    Source("weflow-txt", "WeFlow TXT", _recognise_txt, _read_txt),
    Source("weflow-xlsx", "WeFlow XLSX", _recognise_xlsx, _read_xlsx),
)
