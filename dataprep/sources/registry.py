"""All readers, in the order in which an input is shown to them, and the first look at an input; it reads no rows."""

from pathlib import Path

from dataprep.decoding import encoding_of_bytes
from dataprep.sources import (
    android,
    chatgpt,
    chatlab,
    chatlog,
    clone_dk,
    discord,
    documents,
    memotrace,
    pywxdump,
    qce,
    qq,
    sheets,
    slack,
    telegram,
    training,
    wechatmsg,
    weflow,
    whatsapp,
)
from dataprep.sources.source import HEAD_BYTES, Head, Source

# The order matters where one format looks like another: the more particular signature goes first.
_FAMILIES = (
    *(chatlab, qce, weflow, discord, telegram, chatgpt, slack, chatlog, pywxdump, wechatmsg, android, whatsapp, qq),
    *(memotrace, clone_dk, training, sheets, documents),
)
SOURCES: tuple[Source, ...] = tuple(source for family in _FAMILIES for source in family.SOURCES)
BY_NAME = {source.name: source for source in SOURCES}


def look_at(path: Path, label: str | None = None, encoding: str = "") -> Head:
    """Return the first look at a file or folder, in this encoding or its own; raises OSError if it cannot be opened."""
    name = label or path.name
    if path.is_dir():
        return Head(path, name, b"", "", encoding, is_folder=True)
    with path.open("rb") as file:
        raw = file.read(HEAD_BYTES)
    return head_of(raw, name, path, encoding)


def head_of(raw: bytes, label: str, path: Path, encoding: str = "") -> Head:
    """Return the first look at a file that begins with these bytes."""
    text = raw.decode(encoding or encoding_of_bytes(raw), "replace")
    return Head(path, label, raw, text.removeprefix("\ufeff"), encoding)


def recognise(head: Head) -> tuple[Source, str] | None:
    """Return the reader for an input and why it is the one, or None."""
    for source in SOURCES:
        if reason := source.recognise(head):
            return source, reason
    return None
