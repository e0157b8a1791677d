"""PyWxDump's CSV and JSON and WeClone's CSV; the pages of a chat get its id alike, but are joined elsewhere."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.source import Head, Source
from dataprep.sources.walks import (
    BrokenRow,
    Cells,
    chat_of,
    flag_of,
    header_of,
    read_array,
    read_csv,
    read_keys,
    stem_of,
    text_of,
)
from dataprep.sources.wechat_words import UNSPOKEN, Words, read_typed, read_untyped

SIGNATURE = ["id", "MsgSvrID", "type_name", "is_sender", "talker"]
COLUMNS = ("type_name", "is_sender", "talker", "msg", "CreateTime")
# A page is named after its chat, its first row (from 0) and the first row of the next page.
PAGE = re.compile(r"(.+)_(\d{1,18})_(\d{1,18})", re.DOTALL)
_CONTACTS_LIMIT = 16 << 20
_NAMES = {
    Kind.TEXT: ("文本", "粘贴的文本", "接龙", "text"),
    Kind.IMAGE: ("图片", "image"),
    Kind.VOICE: ("语音", "voice"),
    Kind.VIDEO: ("视频", "video"),
    Kind.FILE: ("文件", "文件(猜)", "file"),
    Kind.STICKER: ("动画表情", "用户上传的GIF表情", "sticker"),
    Kind.LOCATION: ("位置", "位置共享", "location"),
    Kind.TRANSFER: ("转账",),
    Kind.LINK: ("(分享)卡片式链接",),
    Kind.SHARE: ("(分享)音乐", "(分享)小程序", "(分享)视频号名片", "(分享)视频号视频", "(分享)收藏夹"),
    Kind.FORWARD: ("(分享)笔记", "合并转发的聊天记录"),
    Kind.RED_PACKET: ("赠送红包封面",),
    Kind.CARD: ("推荐公众号", "添加好友"),
    Kind.CALL: ("语音通话",),
    Kind.REPLY: ("引用回复",),
    Kind.SYSTEM: ("系统通知", "邀请加群", "群公告"),
    Kind.PAT: ("拍一拍",),
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names}


def _recognise_csv(head: Head, *, plain: bool) -> str | None:
    """Nine columns and full times are PyWxDump's own; fewer, more or shorter are what people make for WeClone."""
    header = header_of(head)
    if header[:5] != SIGNATURE:
        return None
    is_plain = len(header) == 9 and not re.search(r",\d{4}/\d{1,2}/\d{1,2} \d", head.text)
    return f"a header of {len(header)} columns from id,MsgSvrID,type_name" if is_plain == plain else None


def _recognise_json(head: Head) -> str | None:
    start = head.text.lstrip()
    keys = ('"MsgSvrID"', '"type_name"', '"is_sender"', '"talker"')
    is_ours = start.startswith("[") and all(key in start for key in keys)
    return "an array of objects with MsgSvrID, type_name and is_sender" if is_ours else None


def _recognise_contacts(head: Head) -> str | None:
    is_ours = Path(head.label).name == "users.json" and head.text.lstrip().startswith("{") and '"wxid"' in head.text
    return "PyWxDump's list of contacts, named users.json" if is_ours else None


def read_pages(head: Head, *, mistyped: bool = False) -> Iterator[Row]:
    """Yield the rows of a CSV with PyWxDump's columns; `mistyped` ones called `text` are told apart by their words."""
    is_group = "room_name" not in header_of(head) and _has_several_talkers(head)
    return read_csv(head, COLUMNS, _export(head, mistyped=mistyped, is_group=is_group).message)


def _has_several_talkers(head: Head) -> bool:
    """Whether more than one person talks besides the exporter, which tells a group where no room is named."""
    talkers = set[object]()

    def note(place: Place, cells: Cells) -> LeftOut:
        talkers.update({cells["talker"]} if cells["is_sender"] == "0" else ())
        return LeftOut(place, "noted")

    return any(len(talkers) > 1 for _ in read_csv(head, COLUMNS, note))


def _read_json(head: Head) -> Iterator[Row]:
    return read_array(head, "", _export(head).message)


def _export(head: Head, *, mistyped: bool = False, is_group: bool = False) -> "_Export":
    page = page_of(head)
    return _Export(page[0] if page else "", chat_of(head), _names_beside(head.path), mistyped, is_group)


def page_of(head: Head) -> tuple[str, int, int] | None:
    """Return which chat a file is a page of, its first row from 0, and the first of the next; None if it is none."""
    page = PAGE.fullmatch(stem_of(head))
    return (str(Path(head.label).parent / page[1]), int(page[2]), int(page[3])) if page else None


def _names_beside(path: Path) -> dict[str, str]:
    """Return the names of the contacts in the users.json that lies beside PyWxDump's pages, if one does."""
    try:
        file = path.with_name("users.json")
        contacts = json.loads(file.read_bytes()) if file.stat().st_size <= _CONTACTS_LIMIT else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(contacts, dict):
        return {}
    known = {wxid: contact for wxid, contact in contacts.items() if isinstance(contact, dict)}
    return {wxid: name for wxid, one in known.items() if (name := str(one.get("remark") or one.get("nickname") or ""))}


@dataclass(frozen=True, slots=True)
class _Export:
    """What the rows of a file have in common; `page` is the chat's id where the file's name is that of a page."""

    page: str
    file: str
    names: dict[str, str]
    mistyped: bool
    is_group: bool

    def message(self, place: Place, cells: Cells) -> Message:
        """Return one row; raises BrokenRow."""
        timestamp = seconds_of(cells.get("CreateTime"))
        if timestamp is None:
            raise BrokenRow("CreateTime is no time")
        is_self = flag_of(cells, "is_sender")
        chat_id = self.page or text_of(cells, "room_name") or self.file
        words = _words(text_of(cells, "type_name"), text_of(cells, "msg"), mistyped=self.mistyped)
        spoken = words.kind not in UNSPOKEN
        talker = text_of(cells, "talker") if spoken else ""
        return Message(
            place=place,
            chat_id=chat_id,
            sender_id=talker,
            sender_name=self.names.get(talker, talker),
            timestamp=timestamp,
            kind=words.kind,
            text=words.text,
            is_self=is_self and spoken,
            chat_name=self.names.get(Path(chat_id).name, ""),
            is_group=self.is_group or chat_id.endswith("@chatroom"),
            message_id=text_of(cells, "MsgSvrID"),
            quoted_text=words.quoted,
        )


def _words(type_name: str, text: str, *, mistyped: bool) -> Words:
    if type_name.startswith("消息撤回"):
        return Words(Kind.RECALL, text)
    if mistyped and type_name == "text":
        return read_untyped(text)
    return read_typed(_KINDS.get(type_name, Kind.OTHER), text)


def _read_contacts(head: Head) -> Iterator[Row]:
    for number, _ in enumerate(read_keys(head), 1):
        yield LeftOut(Place(head.label, number), "contacts", "a contact, not a chat")


SOURCES: tuple[Source, ...] = (
    Source("pywxdump-csv", "PyWxDump CSV", partial(_recognise_csv, plain=True), read_pages),
    Source("weclone-csv", "WeClone CSV", partial(_recognise_csv, plain=False), read_pages),
    Source("pywxdump-json", "PyWxDump JSON", _recognise_json, _read_json),
    Source("pywxdump-contacts", "PyWxDump contacts (no chat)", _recognise_contacts, _read_contacts),
)
