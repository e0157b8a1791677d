"""Reads WhatsApp's text exports, Android's and iOS's, in any order of day and month; it does not say who exported it.

The file is read twice: once for its dates and people, once for its messages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.source import Head, Source
from dataprep.sources.text_lines import read_lines
from dataprep.sources.whatsapp_times import Order, Stamp, as_unix, infer_order, read_stamp
from dataprep.sources.whatsapp_words import read_notice, read_words

_MARKS = "\u200e\u200f\ufeff\u202a\u202c \u00a0\u202f"
_NAME = re.compile(r"([^\n]{1,100}?):(?: (.*)|$)", re.DOTALL)
_TITLE = re.compile(r"(?:WhatsApp[ -]Chat (?:with|mit)|Chat de WhatsApp con|Discussion WhatsApp avec) |_chat$")
_OWN_MARK = "\u200e"
_LEAST_HEADERS = 3
_FIRST_LINES = 20
# A mention of somebody without a name: the number as it is dialled, without its plus.
_find_mentions = re.compile(r"(?<![\w.%+-])@(?=[1-9][0-9]{7,14}(?![0-9A-Za-z.]*[A-Za-z]))").sub


@dataclass(frozen=True, slots=True)
class _Chat:
    """What the first reading found: the order of the dates, and how many people speak."""

    label: str
    name: str
    order: Order
    is_group: bool


@dataclass(slots=True)
class _Draft:
    """A message whose lines are still being gathered."""

    row: int
    stamp: Stamp | None
    lines: list[str] = field(default_factory=list)


def _split_name(stamp: Stamp) -> tuple[str, str] | None:
    """The name and the text behind a head; None for what WhatsApp says itself."""
    found = _NAME.fullmatch(stamp.rest)
    if not found:
        return None
    name = found[1].strip(_MARKS)
    # A colon inside of quotes belongs to a notice such as: Bei changed the group name to "Plan: B".
    if not name or name.count('"') % 2 or name.count("“") > name.count("”"):
        return None
    return name, found[2] or ""


def _survey(head: Head) -> _Chat:
    people: set[str] = set()

    def stamps() -> Iterator[Stamp]:
        for _, line in read_lines(head):
            if stamp := read_stamp(line):
                parts = _split_name(stamp)
                if parts and not parts[1].startswith(_OWN_MARK):
                    people.add(parts[0])
                yield stamp

    order = infer_order(stamps())
    name = _TITLE.sub("", PurePath(head.label).stem).strip(" -_")
    return _Chat(head.label, name, order, len(people) > 2)


def _recognise(head: Head) -> str | None:
    lines = head.text.removesuffix("\n").split("\n")[:_FIRST_LINES]
    headers = [stamp for stamp in map(read_stamp, lines) if stamp]
    if len(headers) >= min(_LEAST_HEADERS, sum(1 for line in lines if line.strip())) and headers:
        return f"{len(headers)} of the first {len(lines)} lines start as WhatsApp's do ({_system(headers[0])})"
    return None


def _system(stamp: Stamp) -> str:
    return "iOS" if stamp.is_ios else "Android"


def _read(head: Head) -> Iterator[Row]:
    chat = _survey(head)
    for draft in _gather(head):
        yield _build(chat, draft)


def _gather(head: Head) -> Iterator[_Draft]:
    """Yield each message with its lines; lines before the first head are one without a stamp each."""
    draft: _Draft | None = None
    for number, line in read_lines(head):
        if stamp := read_stamp(line):
            if draft:
                yield draft
            draft = _Draft(number, stamp)
        elif draft:
            draft.lines.append(line)
        elif line.strip():
            yield _Draft(number, None)
    if draft:
        yield draft


def _build(chat: _Chat, draft: _Draft) -> Row:
    place = Place(chat.label, draft.row)
    if draft.stamp is None:
        return LeftOut(place, "stray_line", "text before the first message")
    timestamp = as_unix(draft.stamp, chat.order)
    if timestamp is None:
        return LeftOut(place, "broken_row", "there is no such date or time")
    parts = _split_name(draft.stamp)
    name, first = parts or ("", draft.stamp.rest)
    whole = "\n".join([first, *draft.lines])
    kind, text = read_words(_find_mentions("@+", whole)) if parts else read_notice(whole)
    if kind is Kind.SYSTEM:
        name = ""
    return Message(
        place=place,
        chat_id=chat.name or chat.label,
        sender_id=name,
        sender_name=name,
        timestamp=timestamp,
        kind=kind,
        text=text,
        chat_name=chat.name,
        is_group=chat.is_group,
    )


SOURCES: tuple[Source, ...] = (Source("whatsapp-txt", "WhatsApp text export", _recognise, _read),)
