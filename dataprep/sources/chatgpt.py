"""Reads the conversations of a ChatGPT data export, the branch last seen of each; regenerated answers stay unread."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, TextIO

from dataprep.records import Dialogue, LeftOut, Place, Row
from dataprep.sources.archive import Archive, open_archive
from dataprep.sources.json_fields import as_object, as_text
from dataprep.sources.json_stream import BrokenJson, read_elements
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.text_lines import open_export

_PICTURE = "[image]"
_is_listed = re.compile(r"conversations(-\d+)?\.json").fullmatch
_SIGNS = tuple(re.compile(rf'(?<!\\)"{key}"\s*:').search for key in ("mapping", "parent", "children"))
_HIDDEN_CONTENT = {"thoughts", "reasoning_recap", "execution_output", "code", "user_editable_context"}
# A citation stands between U+E200 and U+E201, its parts divided by U+E202.
_find_citations = re.compile("\ue200[^\ue200\ue201]*\ue201|[\ue200-\ue206]")
_PEEK_CHARS = 64 * 1024


def _recognise(head: Head) -> str | None:
    # The files of a folder are looked at one by one, so that what lies beside them is not lost.
    if head.raw.startswith(b"PK\3\4"):
        return _recognise_archive(head)
    return _reason(head.text)


def _reason(text: str) -> str | None:
    if text.lstrip().startswith("[") and all(sign(text) for sign in _SIGNS):
        return "an array of conversations, each with a mapping of parents and children"
    return None


def _recognise_archive(head: Head) -> str | None:
    try:
        with open_archive(head.path) as archive:
            return _reason(_peek(archive))
    except UnreadableSource:
        return None


def _peek(archive: Archive) -> str:
    for name in _listed(archive)[:1]:
        with archive.open(name) as file:
            return file.read(_PEEK_CHARS)
    return ""


def _listed(archive: Archive) -> list[str]:
    return [name for name in archive.names if _is_listed(PurePosixPath(name).name)]


def _read(head: Head) -> Iterator[Row]:
    if not head.raw.startswith(b"PK\3\4"):
        with open_export(head) as file:
            yield from _read_file(file, head.label)
        return
    with open_archive(head.path) as archive:
        names = _listed(archive)
        if not names:
            raise UnreadableSource("There is no conversations.json in it. Give ChatGPT's data export as it came.")
        for name in names:
            with archive.open(name) as file:
                yield from _read_file(file, f"{head.label}/{name}")


def _read_file(file: TextIO, label: str) -> Iterator[Row]:
    try:
        for row, value in read_elements(file):
            yield _read_conversation(Place(label, row), value)
    except BrokenJson as error:
        raise UnreadableSource(f"Conversation {error.row}: {error.detail}. Export your data again.") from None


def _read_conversation(place: Place, value: Any) -> Row:
    conversation = as_object(value)
    nodes = as_object(conversation.get("mapping"))
    branch = _current_branch(nodes, as_text(conversation.get("current_node")))
    if not branch:
        return LeftOut(place, "broken_row", "its current_node leads to no message of its mapping")
    turns = _turns(branch)
    while turns and turns[-1]["role"] == "user":
        turns.pop()
    for turn in turns:
        if turn["role"] == "assistant" and turn["content"] == _PICTURE:
            turn["weight"] = 0
    if all(turn.get("weight") == 0 for turn in turns if turn["role"] == "assistant"):
        return LeftOut(place, "no_answer", as_text(conversation.get("title")))
    chat_id = as_text(conversation.get("conversation_id")) or as_text(conversation.get("id"))
    return Dialogue(place, tuple(turns), chat_id=chat_id)


def _current_branch(nodes: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The nodes from the root to the one last shown."""
    branch: list[dict[str, Any]] = []
    seen: set[str] = set()
    while name and name not in seen and isinstance(nodes.get(name), dict):
        seen.add(name)
        branch.append(nodes[name])
        name = as_text(nodes[name].get("parent"))
    return branch[::-1]


def _turns(branch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for node in branch:
        message = as_object(node.get("message"))
        role, text = as_text(as_object(message.get("author")).get("role")), _shown_text(message)
        if role not in ("user", "assistant") or not text:
            continue
        # An answer that a tool interrupted is one answer.
        if turns and turns[-1]["role"] == role:
            texts = [one for one in (turns[-1]["content"], text) if one != _PICTURE]
            turns[-1]["content"] = "\n\n".join(texts) or _PICTURE
        else:
            turns.append({"role": role, "content": text})
    return turns


def _shown_text(message: dict[str, Any]) -> str:
    """What the reader of the conversation saw of a message; empty for what was hidden or went to a tool."""
    content = as_object(message.get("content"))
    hidden = (
        message.get("weight") == 0
        or as_object(message.get("metadata")).get("is_visually_hidden_from_conversation") is True
        or message.get("recipient") not in (None, "all")
        or message.get("channel") == "commentary"
        or content.get("content_type") in _HIDDEN_CONTENT
    )
    parts = content.get("parts")
    if hidden or not isinstance(parts, list):
        return ""
    texts = [part if isinstance(part, str) else as_text(as_object(part).get("text")) for part in parts]
    text = _find_citations.sub("", "\n".join(text for text in texts if text.strip())).strip()
    return text or (_PICTURE if any(isinstance(part, dict) for part in parts) else "")


SOURCES: tuple[Source, ...] = (
    Source(
        "chatgpt-json",
        "ChatGPT data export (conversations.json)",
        _recognise,
        _read,
        caution="the answers are ChatGPT's: OpenAI's terms restrict training other models on them.",
    ),
)
