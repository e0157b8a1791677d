"""Reads the ChatLab interchange format, as one JSON object or as JSON Lines; other exporters write it too.

The object is read whole, lines one by one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.json_fields import (
    Object,
    as_list,
    as_object,
    as_text,
    first_text,
    parse_json,
    parse_line,
    read_json_text,
)
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.tags import is_recall, untag
from dataprep.sources.text_lines import read_lines

_OBJECT = re.compile(r'"chatlab"\s*:\s*\{')
_HEADER = re.compile(r'"_type"\s*:\s*"header"')
_KINDS = {kind.value: kind for kind in Kind}
# Only of these is the content what was said; of the others it starts with a tag such as [链接].
_AS_WRITTEN = {Kind.TEXT, Kind.REPLY, Kind.SYSTEM, Kind.RECALL, Kind.PAT}


@dataclass(slots=True)
class _Chat:
    """The chat so far: who is in it, and the texts that a later message may quote."""

    label: str
    meta: Object = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def add_member(self, member: Object) -> None:
        """Learn the name of a member."""
        name = first_text(member.get("groupNickname"), member.get("accountName"))
        self.names[as_text(member.get("platformId"))] = name

    def read_message(self, value: object, row: int) -> Row:
        """Return one message; a value that is no object is a broken row."""
        place = Place(self.label, row)
        if not isinstance(value, dict):
            return LeftOut(place, "broken_row", "not an object")
        kind, text = _read_content(value)
        message_id = first_text(value.get("platformMessageId"), value.get("id"))
        if message_id and text:
            self.texts[message_id] = text
        reply_to = as_text(value.get("replyToMessageId"))
        sender = as_text(value.get("sender"))
        name = first_text(value.get("groupNickname"), value.get("accountName"), self.names.get(sender), sender)
        owner = as_text(self.meta.get("ownerId"))
        if kind is Kind.SYSTEM:
            sender = name = ""
        return Message(
            place=place,
            chat_id=self._chat_id(),
            sender_id=sender or name,
            sender_name=name,
            timestamp=seconds_of(value.get("timestamp")),
            kind=Kind.REPLY if kind is Kind.TEXT and reply_to else kind,
            text=text,
            is_self=sender == owner if owner else None,
            chat_name=as_text(self.meta.get("name")),
            is_group=self.meta.get("type") == "group",
            message_id=message_id,
            reply_to=reply_to,
            quoted_text=self.texts.get(reply_to, "") if reply_to else "",
        )

    def _chat_id(self) -> str:
        name = first_text(self.meta.get("groupId"), self.meta.get("name"), self.label)
        return ":".join(part for part in (as_text(self.meta.get("platform")), name) if part)


def _read_content(value: Object) -> tuple[Kind, str]:
    number = value.get("type", 0)
    kind = _KINDS.get(number, Kind.OTHER) if isinstance(number, int) else Kind.OTHER
    content = as_text(value.get("content"))
    if kind is Kind.SYSTEM and is_recall(content):
        kind = Kind.RECALL
    return kind, content if kind in _AS_WRITTEN else untag(content)


def _recognise_object(head: Head) -> str | None:
    if head.text.lstrip().startswith("{") and _OBJECT.search(head.text) and not _has_header_line(head):
        return "an object with the key `chatlab`"
    return None


def _recognise_lines(head: Head) -> str | None:
    if _has_header_line(head):
        return "a first line of `_type` header, as ChatLab writes it"
    return None


def _has_header_line(head: Head) -> bool:
    lines = (line.strip() for line in head.text.split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first.startswith("{") and '"chatlab"' in first and _HEADER.search(first) is not None


def _read_object(head: Head) -> Iterator[Row]:
    root = parse_json(read_json_text(head))
    messages = as_object(root).get("messages")
    if not isinstance(messages, list):
        raise UnreadableSource("A ChatLab file is an object with an array `messages`; this one has none.")
    chat = _Chat(head.label, as_object(root.get("meta")))
    for member in as_list(root.get("members")):
        chat.add_member(as_object(member))
    for row, value in enumerate(messages, 1):
        yield chat.read_message(value, row)


def _read_lines(head: Head) -> Iterator[Row]:
    chat = _Chat(head.label)
    for number, line in read_lines(head):
        yield _read_line(chat, line, number)


def _read_line(chat: _Chat, line: str, number: int) -> Row:
    place = Place(chat.label, number)
    if not line.strip():
        return LeftOut(place, "blank")
    if line.lstrip().startswith("#"):
        return LeftOut(place, "comment")
    value = parse_line(line)
    what = None if value is None else value.get("_type")
    if value is None or what not in ("header", "member", "message"):
        return LeftOut(place, "broken_row", "not an object with `_type` header, member or message")
    if what == "message":
        return chat.read_message(value, number)
    if what == "member":
        chat.add_member(value)
    else:
        chat.meta = as_object(value.get("meta"))
    return LeftOut(place, "header")


SOURCES: tuple[Source, ...] = (
    Source("chatlab-json", "ChatLab JSON", _recognise_object, _read_object),
    Source("chatlab-jsonl", "ChatLab JSON Lines", _recognise_lines, _read_lines),
)
