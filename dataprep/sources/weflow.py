"""WeFlow's JSON and its CSV for WeClone, and EchoTrace's JSON; the TXT and the sheet are in `weflow_text`."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from dataprep.records import Kind, Message, Place, Row
from dataprep.sources import weflow_text
from dataprep.sources.clock import seconds_of
from dataprep.sources.pywxdump import SIGNATURE, read_pages
from dataprep.sources.source import Head, Source
from dataprep.sources.walks import BrokenRow, Cells, chat_of, flag_of, header_of, read_array, read_member, text_of
from dataprep.sources.wechat_words import UNSPOKEN, Words, kind_of_codes, read_typed, without_quote

_WEFLOW_KEY = re.compile(r'"weflow"\s*:\s*\{')
_SESSION_KEY = re.compile(r'"session"\s*:\s*\{')
_ENGLISH_TYPES = re.compile(r",(?:text|image|sticker|video|voice|location|file),[01],")


def _recognise_weflow(head: Head) -> str | None:
    is_ours = head.text.lstrip().startswith("{") and _WEFLOW_KEY.search(head.text)
    return 'an object with the key "weflow"' if is_ours else None


def _recognise_echotrace(head: Head) -> str | None:
    """Portraits may push the messages out of sight, but not the session."""
    is_ours = head.text.lstrip().startswith("{") and _SESSION_KEY.search(head.text)
    keys = ('"senderUsername"', '"senderDisplayName"'), ('"displayName"', '"lastTimestamp"', '"messageCount"')
    found = is_ours and any(all(key in head.text for key in some) for some in keys)
    return "a session and messages as WeFlow has them, without the key weflow" if found else None


def _recognise_csv(head: Head) -> str | None:
    header = header_of(head)
    is_ours = header[:5] == SIGNATURE and "room_name" not in header and _ENGLISH_TYPES.search(head.text)
    return "WeClone's header without room_name, with English type names" if is_ours else None


def _read_json(head: Head) -> Iterator[Row]:
    session = read_member(head, "session")
    chat = _facts_of(session if isinstance(session, dict) else {}, chat_of(head))
    return read_array(head, "messages", partial(_message, chat))


def _facts_of(session: dict[str, Any], unnamed: str) -> dict[str, Any]:
    """Return what a chat's messages have in common, as fields of Message."""
    words = {key: value for key, value in session.items() if isinstance(value, str) and value}
    chat_id = words.get("accountId") or words.get("wxid") or unnamed
    name = words.get("remark") or words.get("displayName") or words.get("nickname") or ""
    is_group = chat_id.endswith("@chatroom") or words.get("type") == "群聊"
    return {"chat_id": chat_id, "chat_name": name, "is_group": is_group}


def _message(chat: dict[str, Any], place: Place, cells: Cells) -> Message:
    timestamp = seconds_of(cells.get("createTime")) or seconds_of(cells.get("formattedTime"))
    if timestamp is None:
        raise BrokenRow("createTime is no time")
    if "content" not in cells:
        raise BrokenRow("no content")
    words = _words(cells)
    spoken = words.kind not in UNSPOKEN
    sender = text_of(cells, "senderUsername") if spoken else ""
    return Message(
        place=place,
        sender_id=sender,
        sender_name=(text_of(cells, "senderDisplayName") or sender) if spoken else "",
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_self=spoken and cells.get("isSend") is not None and flag_of(cells, "isSend"),
        message_id=text_of(cells, "platformMessageId") or text_of(cells, "localId"),
        reply_to=text_of(cells, "replyToMessageId"),
        quoted_text=words.quoted,
        **chat,
    )


def _words(cells: Cells) -> Words:
    """The type's name counts, and its number only where the name is unknown; who sent a system row is left open."""
    content = text_of(cells, "content")
    kind = weflow_text.KINDS.get(text_of(cells, "type"), _kind_of_number(cells.get("localType")))
    if cells.get("isSend") is None and kind == Kind.TEXT:
        kind = Kind.SYSTEM
    quoted = text_of(cells, "quotedContent")
    sender = text_of(cells, "quotedSender")
    tail = f"[引用 {sender}：{quoted}]"
    if quoted and content.endswith(tail):
        return Words(Kind.REPLY, content[: -len(tail)], without_quote(quoted))
    words = read_typed(kind, content)
    return Words(words.kind, words.text, words.quoted or without_quote(quoted))


def _kind_of_number(number: object) -> Kind:
    if not isinstance(number, int) or not 0 <= number < 1 << 63:
        return Kind.OTHER
    return kind_of_codes(number & 0xFFFFFFFF, number >> 32)


SOURCES: tuple[Source, ...] = (
    Source("weflow-json", "WeFlow JSON", _recognise_weflow, _read_json),
    Source("echotrace-json", "EchoTrace JSON", _recognise_echotrace, _read_json),
    Source("weflow-csv", "WeFlow's CSV for WeClone", _recognise_csv, partial(read_pages, mistyped=True)),
    *weflow_text.SOURCES,
)
