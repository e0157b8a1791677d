"""chatlog's JSON, CSV and TXT, whose media are Markdown links; the TXT has no year, so one is assumed, not guessed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from dataprep.placeholders import KIND_OF_WORD
from dataprep.records import Kind, Message, Place, Row
from dataprep.sources.clock import seconds_at, seconds_of
from dataprep.sources.source import Head, Source
from dataprep.sources.walks import (
    BrokenRow,
    Cells,
    chat_of,
    find_headers,
    flag_of,
    header_of,
    read_array,
    read_blocks,
    read_csv,
    text_of,
)
from dataprep.sources.wechat_words import UNSPOKEN, Words, kind_of_codes, read_typed, read_untyped

_COLUMNS = ["Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"]
_PROGRAM, _SELF = "系统消息", "我"
_LINK = re.compile(r"!?\[([^|\[\]\n]{1,12})(?:\|(.*))?", re.DOTALL)
_TIME = r"(?:(?:(\d{4})-)?(\d\d)-(\d\d) )?(\d\d):(\d\d):(\d\d)"
_SENDER = rf"(?!> )(?P<sender>.*\([^()]+\)|{_SELF}|{_PROGRAM}|[\w@.-]+)"
_HEADER = re.compile(rf"{_SENDER}(?: \[(?P<room>.+)\])? (?P<time>{_TIME})", re.ASCII)
_QUOTE_HEADER = re.compile(rf"> .* {_TIME}|> \[引用\]", re.ASCII)
_ID = re.compile(r"(.*)\(([^()]+)\)")
_DAY = 86_400.0
_ASSUMED_YEAR = 2000  # a leap year, so that every date is in it


def _recognise_json(head: Head) -> str | None:
    start = head.text.lstrip()
    keys = ('"seq"', '"talker"', '"isSelf"', '"subType"')
    is_ours = start.startswith("[") and all(key in start for key in keys)
    return "an array of objects with seq, talker and isSelf" if is_ours else None


def _recognise_csv(head: Head) -> str | None:
    return "the header Time,SenderName,Sender,TalkerName,Talker,Content" if header_of(head) == _COLUMNS else None


def _recognise_txt(head: Head) -> str | None:
    first = head.text.lstrip().partition("\n")[0].rstrip("\r")
    found = _header(first)
    is_ours = found and (_ID.fullmatch(found["sender"]) or found["sender"] in (_SELF, _PROGRAM))
    return "lines of name(id) and a time without a year" if is_ours else None


def _read_json(head: Head) -> Iterator[Row]:
    return read_array(head, "", _json_row)


def _json_row(place: Place, cells: Cells) -> Message:
    timestamp = seconds_of(cells.get("time"))
    if timestamp is None:
        raise BrokenRow("time is no time")
    sender, name, chat_id, chat_name = (text_of(cells, key) for key in ("sender", "senderName", "talker", "talkerName"))
    is_self = flag_of(cells, "isSelf")
    return _message(place, timestamp, _coded_words(cells), _Speaker(sender, name, is_self), (chat_id, chat_name))


def _coded_words(cells: Cells) -> Words:
    code, sub = (value if isinstance(value := cells.get(key), int) else 0 for key in ("type", "subType"))
    kind, content = kind_of_codes(code, sub), text_of(cells, "content")
    contents = cells.get("contents")
    contents = contents if isinstance(contents, dict) else {}
    if kind == Kind.REPLY:
        refer = contents.get("refer")
        quoted = text_of(refer, "content") if isinstance(refer, dict) else ""
        return Words(kind, content, quoted)
    if kind == Kind.TRANSFER:
        return Words(kind, _marked_words(content).text)
    return read_typed(kind, content or text_of(contents, "title"))


def _read_csv(head: Head) -> Iterator[Row]:
    return read_csv(head, _COLUMNS, _csv_row)


def _csv_row(place: Place, cells: Cells) -> Message:
    """Between two, whoever is not the other is the exporter; in a group that stays open."""
    timestamp = seconds_of(cells["Time"])
    if timestamp is None:
        raise BrokenRow("Time is no time")
    sender, chat_id = cells["Sender"], cells["Talker"]
    is_self = None if chat_id.endswith("@chatroom") else sender not in ("", chat_id, _PROGRAM)
    speaker = _Speaker(sender, cells["SenderName"], is_self)
    return _message(place, timestamp, _program_words(sender, cells["Content"]), speaker, (chat_id, cells["TalkerName"]))


def _read_txt(head: Head) -> Iterator[Row]:
    names = {_ID.sub(r"\2", found["sender"]) for found in find_headers(head, _header)}
    others = names - {_SELF, _PROGRAM}
    chat = _TextChat(chat_of(head), len(others) > 1, _SELF in names, _assumed_time())
    return read_blocks(head, _header, chat.message)


def _header(line: str) -> re.Match[str] | None:
    return _HEADER.fullmatch(line) if len(line) <= 400 and line[-3:-2] == ":" else None


@dataclass(frozen=True, slots=True)
class _TextChat:
    """What the lines of one TXT have in common."""

    id: str
    is_group: bool
    knows_self: bool
    time_of: Callable[[re.Match[str]], float | None]

    def message(self, place: Place, header: re.Match[str], text: str) -> Message:
        timestamp = self.time_of(header)
        if timestamp is None:
            raise BrokenRow(f"{header['time']} is no time")
        sender, name = _named(header["sender"])
        chat = _named(header["room"]) if header["room"] else (self.id, PurePath(self.id).name)
        speaker = _Speaker(sender, name, sender == _SELF if self.knows_self else None)
        return _message(place, timestamp, _program_words(sender, text), speaker, chat, is_group=self.is_group)


def _named(written: str) -> tuple[str, str]:
    """Return id and name of `name(id)`, or twice what stands there."""
    found = _ID.fullmatch(written)
    return (found[2], found[1]) if found else (written, written)


def _assumed_time() -> Callable[[re.Match[str]], float | None]:
    """Return a clock that puts lines without a year into one, and into the next when the month falls.

    Only distances count: where the file has no year, its times are those of the year 2000 and after.
    """
    past, before = 0.0, ""

    def time_of(header: re.Match[str]) -> float | None:
        nonlocal past, before
        year, month, day, *clock = header.groups()[3:]
        past += 366 * _DAY if not year and (month or "") < before else 0.0
        before = month or ""
        date = (int(year or _ASSUMED_YEAR), int(month or 1), int(day or 1))
        seconds = seconds_at(*date, *map(int, clock))
        return None if seconds is None else seconds + (0.0 if year else past)

    return time_of


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Who a row's sender column names."""

    id: str
    name: str
    is_self: bool | None


def _message(
    place: Place, timestamp: float, words: Words, speaker: _Speaker, chat: tuple[str, str], *, is_group: bool = False
) -> Message:
    """Return the row as a message of the `chat` of this id and name; what the program said has no sender."""
    spoken = words.kind not in UNSPOKEN
    return Message(
        place=place,
        chat_id=chat[0],
        sender_id=speaker.id if spoken else "",
        sender_name=(speaker.name or speaker.id) if spoken else "",
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_self=speaker.is_self if spoken or speaker.is_self is None else False,
        chat_name=chat[1],
        is_group=is_group or chat[0].endswith("@chatroom"),
        quoted_text=words.quoted,
    )


def _program_words(sender: str, text: str) -> Words:
    return read_typed(Kind.SYSTEM, text) if sender == _PROGRAM else _marked_words(text)


def _marked_words(text: str) -> Words:
    """Return the kind and words of a text whose media are written as Markdown links and quotes."""
    if text.startswith("> ") and _QUOTE_HEADER.fullmatch(text.partition("\n")[0]):
        return _quoting(text.split("\n")[1:])
    label, title = _link(text)
    kind = KIND_OF_WORD.get(label)
    if kind is None or kind == Kind.SYSTEM:
        return Words(Kind.OTHER, text) if text.startswith("Type: ") and " Content: " in text else read_untyped(text)
    return read_typed(kind, title)


def _link(text: str) -> tuple[str, str]:
    """Return label and title of `![label](address)` or `[label|title](address)`; a transfer's note is title too."""
    before, _, address = text.rpartition("](") if text.endswith(")") else (text.removesuffix("]"), "", "")
    found = _LINK.fullmatch(before) if text.endswith((")", "]")) else None
    if not found:
        return "", ""
    note = f" {address[:-1]}" if found[1] == "转账" and address else ""
    return found[1], (found[2] or "") + note


def _quoting(lines: list[str]) -> Words:
    count = next((number for number, line in enumerate(lines) if not line.startswith("> ")), len(lines))
    quoted = _marked_words("\n".join(line[2:] for line in lines[:count]))
    return Words(Kind.REPLY, "\n".join(lines[count:]), quoted.text)


_LACKS = "this format has no words of voice messages."
SOURCES: tuple[Source, ...] = (
    Source("chatlog-json", "chatlog JSON", _recognise_json, _read_json, _LACKS),
    Source("chatlog-csv", "chatlog CSV", _recognise_csv, _read_csv, _LACKS),
    Source("chatlog-txt", "chatlog TXT", _recognise_txt, _read_txt, _LACKS),
)
