"""Reads the JSON that DiscordChatExporter writes, one channel a file; it does not read Discord's own data package."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, TextIO

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.json_fields import as_list, as_object, as_text
from dataprep.sources.json_stream import BrokenJson, JsonStream, read_array
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.text_lines import open_export

# Only the channel's description stands before the messages; its icon may be embedded.
_CHUNK_CHARS = 64 * 1024
_MAX_PREAMBLE_CHARS = 4 * 1024 * 1024
_find_messages = re.compile(r'(?<!\\)"messages"\s*:\s*\[').search
_SIGNS = tuple(re.compile(rf'(?<!\\)"{key}"\s*:').search for key in ("guild", "channel", "exportedAt"))
_ENDINGS = {
    Kind.IMAGE: {".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".avif", ".bmp"},
    Kind.VOICE: {".ogg", ".mp3", ".m4a", ".wav", ".opus", ".aac", ".flac"},
    Kind.VIDEO: {".mp4", ".mov", ".webm", ".mkv", ".avi"},
}


def _recognise(head: Head) -> str | None:
    if head.text.lstrip().startswith("{") and all(sign(head.text) for sign in _SIGNS):
        return "an object with guild, channel and exportedAt"
    return None


def _read(head: Head) -> Iterator[Row]:
    with open_export(head) as file:
        preamble, rest = _cut_preamble(file)
        channel = _read_channel(preamble + "]}")
        try:
            for row, value in read_array(JsonStream(file, rest)):
                yield _row_of(Place(head.label, row), channel, value)
        except BrokenJson as error:
            raise UnreadableSource(f"Message {error.row}: {error.detail}. Export the channel again.") from None


def _cut_preamble(file: TextIO) -> tuple[str, str]:
    """What stands before the first message, and what has been read of the messages."""
    text = ""
    while chunk := file.read(_CHUNK_CHARS):
        text += chunk
        if found := _find_messages(text):
            return text[: found.end()], text[found.end() :]
        if len(text) > _MAX_PREAMBLE_CHARS:
            break
    raise UnreadableSource('It has no "messages" list. Export the channel again as JSON.')


def _row_of(place: Place, channel: dict[str, Any], value: Any) -> Row:
    if isinstance(value, dict):
        return _message(place, channel, value)
    return LeftOut(place, "broken_row", "a message is an object in braces")


def _read_channel(preamble: str) -> dict[str, Any]:
    try:
        return as_object(as_object(JsonStream(io.StringIO(), preamble).value()).get("channel"))
    except (json.JSONDecodeError, RecursionError):
        raise UnreadableSource("What stands before the messages is no sound JSON. Export the channel again.") from None


def _message(place: Place, channel: dict[str, Any], value: dict[str, Any]) -> Message:
    author = as_object(value.get("author"))
    kind, text = _kind_and_text(value)
    # What a robot says is nobody's question, nor an answer to one.
    kind = Kind.SYSTEM if author.get("isBot") is True else kind
    name = as_text(author.get("nickname")) or as_text(author.get("name"))
    return Message(
        place,
        chat_id=as_text(channel.get("id")),
        sender_id=as_text(author.get("id")) or name,
        sender_name=name,
        timestamp=seconds_of(value.get("timestamp")),
        kind=kind,
        text=text,
        chat_name=as_text(channel.get("name")),
        is_group=channel.get("type") != "DirectTextChat",
        message_id=as_text(value.get("id")),
        reply_to=as_text(as_object(value.get("reference")).get("messageId")) if kind != Kind.FORWARD else "",
        by_robot=author.get("isBot") is True,
    )


def _kind_and_text(value: dict[str, Any]) -> tuple[Kind, str]:
    written, text = as_text(value.get("type")), as_text(value.get("content"))
    forwarded = as_object(value.get("forwardedMessage"))
    if forwarded:
        return Kind.FORWARD, as_text(forwarded.get("content"))
    if written not in ("Default", "Reply"):
        return (Kind.CALL if written == "Call" else Kind.SYSTEM), text
    for attached in map(as_object, as_list(value.get("attachments"))):
        name = as_text(attached.get("fileName"))
        ending = PurePosixPath(name).suffix.lower()
        kind = next((kind for kind, endings in _ENDINGS.items() if ending in endings), Kind.FILE)
        return kind, "\n".join(part for part in (name if kind == Kind.FILE else "", text.strip()) if part)
    if text.strip():
        return (Kind.REPLY if written == "Reply" else Kind.TEXT), text
    if as_list(value.get("stickers")):
        return Kind.STICKER, ""
    for shown in map(as_object, as_list(value.get("embeds"))):
        return Kind.LINK, as_text(shown.get("title"))
    return Kind.OTHER, ""


SOURCES: tuple[Source, ...] = (Source("discord-json", "Discord (DiscordChatExporter JSON)", _recognise, _read),)
