"""Reads a Slack export, folder or ZIP: one chat a channel and one a thread; it follows no links to files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.archive import Archive, open_archive
from dataprep.sources.clock import seconds_of
from dataprep.sources.entities import unescape
from dataprep.sources.json_fields import as_list, as_object, as_text
from dataprep.sources.json_stream import BrokenJson, read_elements
from dataprep.sources.source import Head, Source, UnreadableSource

_CHANNEL_LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
# A thread's reply also shown in the channel, and the like, are still somebody talking.
_SPOKEN = {"", "me_message", "thread_broadcast", "reply_broadcast", "file_share", "file_comment"}
_KIND_OF_SUBTYPE = {"tombstone": Kind.RECALL, "huddle_thread": Kind.CALL}
_KIND_OF_MEDIA = {"image": Kind.IMAGE, "audio": Kind.VOICE, "video": Kind.VIDEO}
_find_tokens = re.compile(r"<([^<>\n]{1,4000})>")


@dataclass(frozen=True, slots=True)
class _Workspace:
    """What the lists at the top say: names of users and channels by id, and the channels (by folder) for two."""

    users: dict[str, str]
    channels: dict[str, str]
    direct: frozenset[str]


def _root_of(head: Head, archive: Archive) -> str | None:
    """Where the lists stand: at the top of a folder, for one above it may hold more exports; anywhere in a ZIP."""
    names = {name for name in archive.names if not head.is_folder or "/" not in name}
    for name in sorted(names, key=len):
        path = PurePosixPath(name)
        root = name.removesuffix(path.name)
        if path.name == "users.json" and any(root + listed in names for listed in _CHANNEL_LISTS):
            return root
    return None


def _recognise(head: Head) -> str | None:
    if not head.is_folder and not head.raw.startswith(b"PK\3\4"):
        return None
    try:
        with open_archive(head.path) as archive:
            found = _root_of(head, archive) is not None
    except UnreadableSource:
        return None
    return "users.json stands beside a list of channels" if found else None


def _read(head: Head) -> Iterator[Row]:
    with open_archive(head.path) as archive:
        root = _root_of(head, archive)
        if root is None:
            raise UnreadableSource(
                "There is no users.json beside a channels.json in it. Give Slack's export as it came."
            )
        workspace = _read_workspace(archive, root)
        for name in archive.names:
            path = PurePosixPath(name.removeprefix(root))
            if name.startswith(root) and len(path.parts) == 2 and path.suffix == ".json":
                yield from _read_day(head, archive, name, workspace)


def _read_workspace(archive: Archive, root: str) -> _Workspace:
    users = {as_text(user.get("id")): _name_of(user) for user in _read_list(archive, root + "users.json")}
    listed = [channel for name in _CHANNEL_LISTS[:3] for channel in _read_list(archive, root + name)]
    channels = {as_text(one.get("id")): as_text(one.get("name")) for one in listed}
    direct = frozenset(as_text(one.get("id")) for one in _read_list(archive, root + "dms.json"))
    return _Workspace(users, channels, direct)


def _read_list(archive: Archive, name: str) -> list[dict[str, Any]]:
    if name not in archive.names:
        return []
    with archive.open(name) as file:
        try:
            return [as_object(value) for _, value in read_elements(file)]
        except BrokenJson as error:
            raise UnreadableSource(f"{name}, {error}. Export again, or mend the file.") from None


def _name_of(user: dict[str, Any]) -> str:
    profile = as_object(user.get("profile"))
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next((name for name in map(as_text, names) if name), as_text(user.get("id")))


def _read_day(head: Head, archive: Archive, name: str, workspace: _Workspace) -> Iterator[Row]:
    label = f"{head.label}/{name}"
    channel = PurePosixPath(name).parent.name
    with archive.open(name) as file:
        try:
            for row, value in read_elements(file):
                yield _row_of(Place(label, row), channel, value, workspace)
        except BrokenJson as error:
            yield LeftOut(Place(label, error.row), "broken_row", f"{error.detail}; the file is not read beyond it")


def _row_of(place: Place, channel: str, value: Any, workspace: _Workspace) -> Row:
    if isinstance(value, dict):
        return _message(place, channel, value, workspace)
    return LeftOut(place, "broken_row", "a message is an object in braces")


def _message(place: Place, channel: str, value: dict[str, Any], workspace: _Workspace) -> Message:
    thread = as_text(value.get("thread_ts"))
    stamp = as_text(value.get("ts"))
    sender = as_text(value.get("user")) or as_text(value.get("bot_id")) or as_text(value.get("username"))
    named = (
        workspace.users.get(sender) or as_text(value.get("username")) or _name_of(as_object(value.get("user_profile")))
    )
    kind, text = _kind_and_text(value)
    return Message(
        place,
        chat_id=f"{channel}/{thread}" if thread else channel,
        sender_id=sender,
        sender_name=named or sender,
        timestamp=seconds_of(stamp),
        kind=kind,
        text=_plain(text, workspace),
        chat_name=channel,
        is_group=channel not in workspace.direct,
        message_id=stamp,
        reply_to=thread if thread != stamp else "",
        by_robot="bot_id" in value,
    )


def _kind_and_text(value: dict[str, Any]) -> tuple[Kind, str]:
    subtype, text = as_text(value.get("subtype")), as_text(value.get("text"))
    if subtype not in _SPOKEN:
        return _KIND_OF_SUBTYPE.get(subtype, Kind.SYSTEM), text
    for file in map(as_object, as_list(value.get("files"))):
        kind = _KIND_OF_MEDIA.get(as_text(file.get("mimetype")).partition("/")[0], Kind.FILE)
        spoken = as_object(as_object(file.get("transcription")).get("preview")).get("content")
        words = as_text(spoken if kind == Kind.VOICE else file.get("name") if kind == Kind.FILE else "")
        return kind, "\n".join(part for part in (words, text.strip()) if part)
    if text.strip():
        return Kind.TEXT, text
    for shown in map(as_object, as_list(value.get("attachments"))):
        return Kind.LINK, as_text(shown.get("title")) or as_text(shown.get("fallback"))
    return Kind.OTHER, ""


def _plain(text: str, workspace: _Workspace) -> str:
    """The text as people saw it: names for ids, `label (address)` for links, and the three escaped signs."""

    def show(token: re.Match[str]) -> str:
        target, _, label = token[1].partition("|")
        if target.startswith("@"):
            return "@" + (workspace.users.get(target[1:]) or label or target[1:])
        if target.startswith("#"):
            return "#" + (label or workspace.channels.get(target[1:]) or target[1:])
        if target.startswith("!"):
            return label or "@" + target[1:].partition("^")[0]
        return target if not label else label if label in target else f"{label} ({target})"

    # Slack escapes these three and no other.
    escaped = _find_tokens.sub(show, text)
    return re.sub("&(?:lt|gt|amp);", lambda sign: unescape(sign[0]), escaped)


SOURCES: tuple[Source, ...] = (Source("slack", "Slack export (folder or ZIP)", _recognise, _read),)
