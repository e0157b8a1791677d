"""Reads QQ Chat Exporter V5: one JSON object, read whole, or a folder of manifest.json and chunks of JSON Lines."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

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
from dataprep.sources.text_lines import read_lines

_CHAT_INFO = re.compile(r'"chatInfo"\s*:\s*\{')
_MANIFEST = "manifest.json"
# What a message is, by the first of these elements that it holds.
_KINDS = {
    "forward": Kind.FORWARD,
    "av_record": Kind.CALL,
    "wallet": Kind.RED_PACKET,
    "location": Kind.LOCATION,
    "audio": Kind.VOICE,
    "video": Kind.VIDEO,
    "file": Kind.FILE,
    "json": Kind.SHARE,
    "market_face": Kind.STICKER,
    "giphy": Kind.STICKER,
    "image": Kind.IMAGE,
    "face": Kind.STICKER,
    "system": Kind.SYSTEM,
    "live_gift": Kind.OTHER,
    "calendar": Kind.OTHER,
    "inline_keyboard": Kind.OTHER,
}
# What people put beside their words without it being anything but a text.
_ORNAMENTS = {Kind.STICKER, Kind.IMAGE}
_WORDS: dict[str, Callable[[Object], str]] = {
    "text": lambda data: as_text(data.get("text")),
    "at": lambda data: "@" + as_text(data.get("name")).removeprefix("@"),
    "face": lambda data: f"[{as_text(data.get('name')).strip('/[]')}]",
    "file": lambda data: as_text(data.get("filename")),
    "json": lambda data: first_text(data.get("title"), data.get("summary")),
    "forward": lambda data: first_text(data.get("title"), data.get("summary")),
    "markdown": lambda data: as_text(data.get("content")),
    "av_record": lambda data: as_text(data.get("summary")),
    "wallet": lambda data: as_text(data.get("summary")),
    "system": lambda data: first_text(data.get("text"), data.get("summary"), data.get("content")),
}


@dataclass(slots=True)
class _Chat:
    """The chat and its owner, and the texts that a later message may quote."""

    info: Object
    label: str
    texts: dict[str, str] = field(default_factory=dict)

    def read_message(self, value: object, place: Place) -> Row:
        """Return one message; a value that is no object is a broken row."""
        if not isinstance(value, dict):
            return LeftOut(place, "broken_row", "not an object")
        kind, text = _read_content(value)
        message_id = as_text(value.get("id"))
        if message_id and text and kind is not Kind.RECALL:
            self.texts[message_id] = text
        reply_to, quoted = self._read_reply(value)
        sender = as_object(value.get("sender"))
        uid, name = first_text(sender.get("uid"), sender.get("uin")), _name_of(sender)
        if kind is Kind.SYSTEM:
            uid = name = ""
        return Message(
            place=place,
            chat_id=first_text(self.info.get("peerUid"), self.info.get("name"), self.label),
            sender_id=uid or name,
            sender_name=name,
            timestamp=seconds_of(value.get("timestamp")) or seconds_of(value.get("time")),
            kind=Kind.REPLY if kind is Kind.TEXT and (reply_to or quoted) else kind,
            text=text,
            is_self=self._is_self(sender) if kind is not Kind.SYSTEM else self._is_self({}),
            chat_name=as_text(self.info.get("name")),
            is_group=as_text(self.info.get("type")) == "group",
            message_id=message_id,
            reply_to=reply_to,
            quoted_text=quoted,
        )

    def _is_self(self, sender: Object) -> bool | None:
        own = {as_text(self.info.get("selfUid")), as_text(self.info.get("selfUin"))} - {""}
        return bool(own & {as_text(sender.get("uid")), as_text(sender.get("uin"))}) if own else None

    def _read_reply(self, value: Object) -> tuple[str, str]:
        for name, data in _elements_of(value):
            if name == "reply":
                reply_to = first_text(data.get("referencedMessageId"), data.get("messageId"))
                return reply_to, self.texts.get(reply_to) or as_text(data.get("content"))
        return "", ""


def _elements_of(value: Object) -> Iterator[tuple[str, Object]]:
    for element in map(as_object, as_list(as_object(value.get("content")).get("elements"))):
        yield as_text(element.get("type")), as_object(element.get("data"))


def _name_of(sender: Object) -> str:
    names = ("groupCard", "remark", "name", "nickname", "uin", "uid")
    return first_text(*(sender.get(name) for name in names))


def _read_content(value: Object) -> tuple[Kind, str]:
    elements = list(_elements_of(value))
    text = as_text(as_object(value.get("content")).get("text"))
    if value.get("system") is True:
        return Kind.SYSTEM, text
    if value.get("recalled") is True:
        return Kind.RECALL, ""  # its words are in the file, but they were taken back
    if not elements:
        return Kind.TEXT, text
    names = {name for name, _ in elements}
    kind = next((kind for name, kind in _KINDS.items() if name in names), Kind.TEXT)
    words = "".join(_WORDS[name](data) for name, data in elements if name in _WORDS).strip()
    said = any(name in ("text", "markdown") and _WORDS[name](data).strip() for name, data in elements)
    if kind in _ORNAMENTS:
        return (Kind.TEXT, words) if said else (kind, "")
    if kind is Kind.SHARE and any(name == "json" and as_text(data.get("url")) for name, data in elements):
        kind = Kind.LINK
    return kind, words or (text if kind in (Kind.SYSTEM, Kind.TEXT) and not names & {"reply", "at"} else "")


def _recognise_object(head: Head) -> str | None:
    if "QQChatExporter" in head.text and _CHAT_INFO.search(head.text):
        return "an object of QQChatExporter with the key `chatInfo`"
    return None


def _read_object(head: Head) -> Iterator[Row]:
    root = as_object(parse_json(read_json_text(head)))
    messages = root.get("messages")
    if not isinstance(messages, list):
        raise UnreadableSource("A file of QQ Chat Exporter is an object with an array `messages`; this one has none.")
    chat = _Chat(as_object(root.get("chatInfo")), head.label)
    for row, value in enumerate(messages, 1):
        yield chat.read_message(value, Place(head.label, row))


def _recognise_folder(head: Head) -> str | None:
    if head.is_folder and (head.path / _MANIFEST).is_file() and (head.path / "chunks").is_dir():
        return "a folder with manifest.json and chunks/"
    return None


def _read_folder(head: Head) -> Iterator[Row]:
    manifest = head.path / _MANIFEST
    if not manifest.is_file():
        raise UnreadableSource("The folder has no manifest.json. Give the folder that QQ Chat Exporter wrote.")
    root = as_object(parse_json(read_json_text(manifest)))
    chat = _Chat(as_object(root.get("chatInfo")), head.label)
    chunks = list(_find_chunks(head.path, root))
    if not chunks:
        raise UnreadableSource("The folder has no chunks/*.jsonl beside manifest.json. Copy the whole export.")
    for chunk in chunks:
        label = f"{head.label}/chunks/{chunk.name}"
        for number, line in read_lines(chunk):
            place = Place(label, number)
            yield chat.read_message(parse_line(line), place) if line.strip() else LeftOut(place, "blank")


def _find_chunks(folder: Path, manifest: Object) -> Iterator[Path]:
    """The chunks in the manifest's order, then those that it does not name; nothing outside of chunks/."""
    found = {path.name: path for path in sorted((folder / "chunks").glob("*.jsonl")) if path.is_file()}
    listed = as_list(as_object(manifest.get("chunked")).get("chunks")) or as_list(manifest.get("chunks"))
    for entry in map(as_object, listed):
        named = first_text(entry.get("fileName"), entry.get("relativePath"))
        if path := found.pop(PureWindowsPath(named).name, None):
            yield path
    yield from found.values()


SOURCES: tuple[Source, ...] = (
    Source("qce-json", "QQ Chat Exporter V5 JSON", _recognise_object, _read_object),
    Source("qce-folder", "QQ Chat Exporter V5 chunks", _recognise_folder, _read_folder),
)
