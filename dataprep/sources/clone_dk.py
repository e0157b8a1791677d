"""Reads the text files of CLONE_DK: `name (time):text` lines, each followed by the rest of its text.

Such a file does not say who exported it, nor which lines are the program's own.
"""

import re
from collections.abc import Iterator
from pathlib import PurePath

from dataprep.records import LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_at
from dataprep.sources.source import Head, Source
from dataprep.sources.tags import read_tagged
from dataprep.sources.text_lines import read_lines

# The time may be of any make, if only it has a clock in it.
_HEADER = re.compile(r"(\S.{0,39}?) \(([^()]{0,30}?\d{1,2}:\d\d[^()]{0,12})\)[:：](.*)", re.ASCII | re.DOTALL)
_TIME = re.compile(r"(?:(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})\D{1,2})(\d{1,2}):(\d\d)(?::(\d\d))?\D*", re.ASCII)
_LEAST_SHARE = 0.5


def _recognise(head: Head) -> str | None:
    lines = [line for line in head.text.split("\n")[:200] if line.strip()]
    headers = sum(1 for line in lines if _HEADER.match(line))
    if headers and _HEADER.match(lines[0]) and headers >= _LEAST_SHARE * len(lines):
        return f"{headers} of the first {len(lines)} lines are `name (time):text`"
    return None


def _read(head: Head) -> Iterator[Row]:
    held: tuple[Place, re.Match[str], list[str]] | None = None
    for number, line in read_lines(head):
        place = Place(head.label, number)
        if header := _HEADER.match(line):
            if held:
                yield _build(*held)
            held = place, header, [header[3]]
        elif held:
            held[2].append(line)
        elif line.strip():
            yield LeftOut(place, "stray_line", "text before the first message")
    if held:
        yield _build(*held)


def _build(place: Place, header: re.Match[str], lines: list[str]) -> Message:
    kind, text = read_tagged("\n".join(lines).strip("\r\n "))
    name = header[1].strip()
    return Message(
        place=place,
        chat_id=place.file,
        sender_id=name,
        sender_name=name,
        timestamp=_read_time(header[2]),
        kind=kind,
        text=text,
        chat_name=PurePath(place.file).stem,
    )


def _read_time(text: str) -> float | None:
    found = _TIME.fullmatch(text.strip())
    return seconds_at(*(int(part or 0) for part in found.groups())) if found else None


SOURCES: tuple[Source, ...] = (Source("clone-dk-txt", "CLONE_DK text", _recognise, _read),)
