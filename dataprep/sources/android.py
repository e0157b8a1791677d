"""The message table of WeChat on Android (EnMicroMsg) as CSV; it is read as exported, from no database."""

import re
from collections.abc import Iterator

from dataprep.records import Kind, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.entities import unescape
from dataprep.sources.source import Head, Source
from dataprep.sources.walks import BrokenRow, Cells, flag_of, header_of, read_csv
from dataprep.sources.wechat_words import UNSPOKEN, Words, kind_of_codes, read_typed, split_quote, words_of

_SIGNATURE = ["msgId", "msgSvrId", "type", "status", "isSend"]
_COLUMNS = ("type", "isSend", "createTime", "talker", "content")
# Attachments by the number that Android gives them in the table itself; there is no list of them by their makers.
_NUMBERS = {
    Kind.REPLY: (822083633,),
    Kind.TRANSFER: (419430449,),
    Kind.RED_PACKET: (436207665, 469762097),
    Kind.FILE: (1090519089,),
    Kind.LINK: (16777265, 285212721),
    Kind.STICKER: (1048625,),
    Kind.PAT: (922746929,),
    Kind.SYSTEM: (570425393, 268445456, 10002),
}
_KINDS = {code: kind for kind, codes in _NUMBERS.items() for code in codes}
_ATTACHED = 49
_XML_LIMIT = 64 * 1024
_GROUP_SENDER = re.compile(r"([\w@.-]{1,64}):\n", re.ASCII)
_XML_START = re.compile(r"\s*(?:<\?xml|<msg|<sysmsg|<appmsg|<[a-z]+[ >])")
_APP_TYPE = re.compile(r"<type>\s*(\d{1,4})\s*</type>", re.ASCII)


def _recognise(head: Head) -> str | None:
    return "the header msgId,msgSvrId,type,status,isSend" if header_of(head)[:5] == _SIGNATURE else None


def _read(head: Head) -> Iterator[Row]:
    return read_csv(head, _COLUMNS, _message)


def _message(place: Place, cells: Cells) -> Message:
    """Return one row; the table knows people by their ids alone, and its own user by none."""
    timestamp = seconds_of(cells["createTime"])
    if timestamp is None:
        raise BrokenRow("createTime is no time")
    if not re.fullmatch(r"-?\d{1,12}", cells["type"], re.ASCII):
        raise BrokenRow("type is not a number")
    chat_id = cells["talker"]
    is_group = chat_id.endswith("@chatroom")
    prefix = _GROUP_SENDER.match(cells["content"]) if is_group and cells["isSend"] != "1" else None
    words = _words(int(cells["type"]), cells["content"][prefix.end() :] if prefix else cells["content"])
    spoken = words.kind not in UNSPOKEN
    is_self = spoken and flag_of(cells, "isSend")
    sender = "我" if is_self else prefix[1] if prefix else "" if is_group else chat_id
    return Message(
        place=place,
        chat_id=chat_id,
        sender_id=sender if spoken else "",
        sender_name=sender if spoken else "",
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_self=is_self,
        is_group=is_group,
        message_id=cells.get("msgSvrId") or cells.get("msgId") or "",
        quoted_text=words.quoted,
    )


def _words(code: int, content: str) -> Words:
    is_xml = bool(_XML_START.match(content[:200]))
    content = content[:_XML_LIMIT] if is_xml and code != 1 else content
    kind = _kind(code, content if is_xml else "")
    if kind == Kind.TEXT and code == 1:
        return Words(kind, content)
    if kind == Kind.VOICE:  # its content is who sent it, how long it is, and whether it was heard
        return Words(kind, "")
    if kind == Kind.REPLY:
        return _reply(content) if is_xml else Words(kind, *split_quote(content))
    if kind == Kind.SYSTEM and "revokemsg" in content:
        return Words(Kind.RECALL, _inside(content, "replacemsg") if is_xml else content)
    if kind in (Kind.SYSTEM, Kind.PAT):
        return read_typed(kind, _inside(content, "title") if is_xml else content)
    return Words(kind, words_of(kind, _inside(content, "title") if is_xml else content))


def _kind(code: int, xml: str) -> Kind:
    """The table's own number counts, then what the XML says is attached."""
    if code in _KINDS:
        return _KINDS[code]
    base = code & 0xFFFF if code > 0xFFFF else code
    found = _APP_TYPE.search(xml) if base == _ATTACHED else None
    return kind_of_codes(base, int(found[1]) if found else 0)


def _reply(xml: str) -> Words:
    return Words(Kind.REPLY, _inside(xml, "title"), _inside(_raw(xml, "refermsg"), "content"))


def _inside(xml: str, tag: str) -> str:
    """Return the text of the first such element, empty where there is none or where it holds XML again."""
    inner = _raw(xml, tag).strip().removeprefix("<![CDATA[").removesuffix("]]>")
    text = unescape(inner).strip()
    return "" if _XML_START.match(text) else text


def _raw(xml: str, tag: str) -> str:
    start = xml.partition(f"<{tag}>")[2]
    inner, end, _ = start.partition(f"</{tag}>")
    return inner if end else ""


_LACKS = "this format has no words of voice messages."
SOURCES: tuple[Source, ...] = (
    Source("android-csv", "Android message table CSV (EnMicroMsg)", _recognise, _read, _LACKS),
)
