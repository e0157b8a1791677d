"""Reads Telegram Desktop's JSON, of one chat or of all; the file is read whole, and repaired where it is no JSON.

Only the export of all chats says who made it.
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
    read_json_text,
)
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.telegram_repair import load

_TYPES = r"(?:personal|bot)_chat|(?:private|public)_(?:group|supergroup|channel)|saved_messages|replies|verify_codes"
_NAME = r'"name"\s*:\s*(?:"(?:[^"\\]|\\.)*"|null)\s*,'
_CHAT = re.compile(rf'\s*\{{\s*(?:{_NAME}\s*)?"type"\s*:\s*"(?:{_TYPES})"')
_ALL = re.compile(r'\s*\{\s*"about"\s*:')
_MEDIA = {
    "sticker": Kind.STICKER,
    "voice_message": Kind.VOICE,
    "audio_file": Kind.VOICE,
    "video_message": Kind.VIDEO,
    "video_file": Kind.VIDEO,
    "animation": Kind.VIDEO,
}
# Other contents, by the key that only they have.
_BY_KEY = {
    "photo": Kind.IMAGE,
    "location_information": Kind.LOCATION,
    "place_name": Kind.LOCATION,
    "contact_information": Kind.CARD,
    "poll": Kind.SHARE,
    "game_title": Kind.SHARE,
    "file": Kind.FILE,
}
_LINKS = {"link", "text_link"}


@dataclass(slots=True)
class _Chat:
    """One chat of a file, and the texts that a later message may quote."""

    label: str
    owner: str
    chat_id: str
    name: str
    is_group: bool
    texts: dict[str, str] = field(default_factory=dict)

    def read_message(self, value: object, row: int) -> Row:
        """Return one message; a value that is no object is a broken row."""
        place = Place(self.label, row)
        if not isinstance(value, dict):
            return LeftOut(place, "broken_row", "not an object")
        kind, text = _read_content(value)
        message_id = as_text(value.get("id"))
        reply_to = as_text(value.get("reply_to_message_id"))
        # The reply may be to a message of another chat, whose ids are its own.
        quoted = "" if value.get("reply_to_peer_id") else self.texts.get(reply_to, "")
        if message_id and text:
            self.texts[message_id] = text
        sender, name = ("", "") if kind is Kind.SYSTEM else _read_sender(value)
        return Message(
            place=place,
            chat_id=self.chat_id,
            sender_id=sender,
            sender_name=name,
            timestamp=seconds_of(value.get("date_unixtime")) or seconds_of(value.get("date")),
            kind=Kind.REPLY if kind is Kind.TEXT and reply_to else kind,
            text=text,
            is_self=sender == self.owner if self.owner else None,
            chat_name=self.name,
            is_group=self.is_group,
            message_id=message_id,
            reply_to=reply_to,
            quoted_text=quoted,
        )


def _read_sender(value: Object) -> tuple[str, str]:
    sender = first_text(value.get("from_id"), value.get("actor_id"))
    sender = f"user{sender}" if sender.isdigit() else sender  # as a bare number before 2021
    name = first_text(value.get("from"), value.get("actor"))
    return sender or name, name or sender


def _read_content(value: Object) -> tuple[Kind, str]:
    text = _read_text(value)
    if value.get("type") != "message":
        action = as_text(value.get("action"))
        return (Kind.CALL, text) if action == "phone_call" else (Kind.SYSTEM, text or action.replace("_", " "))
    if "forwarded_from" in value:
        return Kind.FORWARD, text
    kind = _MEDIA.get(as_text(value.get("media_type")))
    kind = kind or next((kind for key, kind in _BY_KEY.items() if value.get(key)), None)
    if kind is None:
        return (Kind.LINK if _is_link(value) else Kind.TEXT), text
    return kind, "\n".join(part for part in (_name_content(kind, value), text) if part)


def _name_content(kind: Kind, value: Object) -> str:
    """The words that the content itself has, besides what was written under it."""
    if kind is Kind.FILE:
        return as_text(value.get("file_name"))
    if kind is Kind.STICKER:
        return as_text(value.get("sticker_emoji"))
    if kind is Kind.LOCATION:
        return as_text(value.get("place_name"))
    if kind is Kind.CARD:
        contact = as_object(value.get("contact_information"))
        return f"{as_text(contact.get('first_name'))} {as_text(contact.get('last_name'))}".strip()
    if kind is Kind.SHARE:
        return first_text(as_object(value.get("poll")).get("question"), value.get("game_title"))
    return ""


def _parts_of(value: Object) -> list[object]:
    entities = value.get("text_entities")
    if isinstance(entities, list) and entities:
        return entities
    text = value.get("text")
    return text if isinstance(text, list) else [text]


def _read_text(value: Object) -> str:
    return "".join(as_text(part.get("text")) if isinstance(part, dict) else as_text(part) for part in _parts_of(value))


def _is_link(value: Object) -> bool:
    kinds = [
        part.get("type") if isinstance(part, dict) else "plain"
        for part in _parts_of(value)
        if (as_text(part.get("text")) if isinstance(part, dict) else as_text(part)).strip()
    ]
    return bool(kinds) and all(isinstance(kind, str) and kind in _LINKS for kind in kinds)


def _recognise(head: Head) -> str | None:
    if _CHAT.match(head.text):
        return "an object of one Telegram chat"
    if _ALL.match(head.text) and re.search(r'"chats"\s*:|"personal_information"\s*:', head.text):
        return "an export of all Telegram chats"
    return None


def _read(head: Head) -> Iterator[Row]:
    root = as_object(load(read_json_text(head)))
    user = as_text(as_object(root.get("personal_information")).get("user_id"))
    parts = [as_object(root.get(key)).get("list") for key in ("chats", "left_chats")]
    chats = [chat for part in parts for chat in as_list(part)] or [root]
    if not any(isinstance(as_object(chat).get("messages"), list) for chat in chats):
        raise UnreadableSource("The file holds no Telegram chat with an array `messages`. Export as JSON, with chats.")
    row = 0
    for number, value in enumerate(map(as_object, chats), 1):
        chat = _open_chat(value, number, head.label, f"user{user}" if user else "")
        for message in as_list(value.get("messages")):
            row += 1
            yield chat.read_message(message, row)


def _open_chat(value: Object, number: int, label: str, owner: str) -> _Chat:
    kind = as_text(value.get("type"))
    name = first_text(value.get("name"), "Saved Messages" if kind == "saved_messages" else "")
    known = first_text(value.get("id"), name, f"{label}#{number}")
    is_group = kind.endswith(("group", "channel"))
    return _Chat(label, owner, f"{kind}:{known}", name, is_group)


SOURCES: tuple[Source, ...] = (Source("telegram-json", "Telegram Desktop JSON", _recognise, _read),)
