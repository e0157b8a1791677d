"""Tells a tag that stands for a message, such as `[图片]`, from brackets of somebody's own: `[捂脸]` is a word."""

import re

from dataprep.placeholders import KIND_OF_WORD
from dataprep.records import Kind

# What a program says, and a reply's own words, stand in no brackets here.
_KINDS = {word: kind for word, kind in KIND_OF_WORD.items() if kind not in (Kind.SYSTEM, Kind.REPLY)}
_TAG = re.compile(rf"\s*[\[【]({'|'.join(sorted(_KINDS, key=len, reverse=True))})[\]】][ \t:：]*")
_URL_LINE = re.compile(r"\s*https?://\S+\s*")
# After these tags the rest of the text belongs to the tag; after others a person may have written on.
_WITH_WORDS = {Kind.VOICE, Kind.FILE, Kind.LINK, Kind.LOCATION, Kind.TRANSFER, Kind.CALL, Kind.SHARE}
_RECALL = re.compile(r"(?:[\"“]?.{1,60}[\"”]? ?)?撤回了一条消息(?: ?重新编辑)?[。.]?")
_OWN_RECALL = re.compile(r"(?:[\"“].{1,60}[\"”] |你)?撤回了一条消息(?: 重新编辑)?")


def untag(text: str) -> str:
    """Return the words after a leading tag; of a link its title, where it has one besides its address."""
    tag = _TAG.match(text)
    words = text[tag.end() :] if tag else text
    if tag and _KINDS[tag[1]] is not Kind.LINK:
        return words.strip()
    lines = [line for line in words.split("\n") if line.strip() and not _URL_LINE.fullmatch(line)]
    return "\n".join(lines).strip() or words.strip()


def read_tagged(text: str) -> tuple[Kind, str]:
    """Return the kind and the words of a text in which only brackets say what it was."""
    if _OWN_RECALL.fullmatch(text.strip()):
        return Kind.RECALL, text.strip()
    tag = _TAG.match(text)
    if not tag:
        return Kind.TEXT, text
    kind = _KINDS[tag[1]]
    if tag[1] == "闪照":  # QQ puts a hint of its own behind it
        return kind, ""
    if kind in _WITH_WORDS or not text[tag.end() :].strip():
        return kind, untag(text)
    return Kind.TEXT, text


def is_recall(text: str) -> bool:
    """Whether a line of the program itself says that somebody took a message back."""
    return _RECALL.fullmatch(text.strip()) is not None
