"""Reads the text file that QQ itself writes (消息记录); it does not say who exported it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.source import Head, Source
from dataprep.sources.tags import is_recall, read_tagged
from dataprep.sources.text_lines import read_lines

_TITLE = "消息记录（此消息记录为文本格式"
_RULE = re.compile(r"={40,}\s*")
_SECTION = re.compile(r"消息(分组|对象)[:：](.*)")
_HEADER = re.compile(r"(\d{4}-\d\d-\d\d \d{1,2}:\d\d:\d\d) (.*)", re.ASCII)
# How a header, a rule and a title begin.
_may_end_a_message = re.compile(rf"\d{{4}}-|={{40}}|{_TITLE}", re.ASCII).match
_SENDER = re.compile(r"(?:【[^】]{1,20}】)?(.*?)(?:\((\d{4,13})\)|<([^<>\s]{3,100})>)?", re.ASCII)
_SYSTEM_NUMBERS = {"10000", "1000000"}


@dataclass(slots=True)
class _Draft:
    """A message whose lines are still being gathered."""

    row: int
    timestamp: float
    sender: str
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """Where in the file we are: its chat, and the message that the next line belongs to."""

    label: str
    group: str = ""
    partner: str = ""
    draft: _Draft | None = None

    def take(self, number: int, line: str) -> Iterator[Row]:
        """Yield what this line completes, and the line itself if it belongs to nothing."""
        if header := _read_header(number, line):
            yield from self.close()
            self.draft = header
        elif _RULE.fullmatch(line) or line.startswith(_TITLE):
            yield from self.close()
        elif self.draft:
            self.draft.lines.append(line)
        elif section := _SECTION.fullmatch(line.strip()):
            self._enter(section[1], section[2].strip())
        elif line.strip():
            yield LeftOut(Place(self.label, number), "stray_line", "text before the first message")

    def close(self) -> Iterator[Message]:
        """Yield the message in work, if there is one."""
        if draft := self.draft:
            self.draft = None
            yield self._build(draft)

    def _enter(self, what: str, name: str) -> None:
        if what == "分组":
            self.group, self.partner = name, ""
        else:
            self.partner = name

    def _build(self, draft: _Draft) -> Message:
        parts = _SENDER.fullmatch(draft.sender)
        name, number = (parts[1].strip(), parts[2] or parts[3] or "") if parts else (draft.sender.strip(), "")
        text = "\n".join(draft.lines).strip("\r\n ")
        kind, words = read_tagged(text)
        is_system = number in _SYSTEM_NUMBERS or (name == "系统消息" and not number)
        if is_system:
            kind, words = (Kind.RECALL if is_recall(text) else Kind.SYSTEM), text
        return Message(
            place=Place(self.label, draft.row),
            chat_id=self.partner or self.label,
            sender_id="" if is_system else number or name,
            sender_name="" if is_system else name or number,
            timestamp=draft.timestamp,
            kind=kind,
            text=words,
            chat_name=self.partner,
            is_group="群" in self.group,
        )


def _read_header(number: int, line: str) -> _Draft | None:
    found = _HEADER.fullmatch(line)
    timestamp = seconds_of(found[1]) if found else None
    return _Draft(number, timestamp, found[2].strip()) if found and timestamp else None


def _recognise(head: Head) -> str | None:
    if _TITLE in head.text[:2000] or re.search(r"^消息对象:", head.text, re.MULTILINE):
        return "the head of a QQ message record"
    return None


def _read(head: Head) -> Iterator[Row]:
    reader = _Reader(head.label)
    for number, line in read_lines(head):
        if reader.draft and not _may_end_a_message(line):
            reader.draft.lines.append(line)
        else:
            yield from reader.take(number, line)
    yield from reader.close()


SOURCES: tuple[Source, ...] = (Source("qq-txt", "QQ message record (TXT)", _recognise, _read),)
