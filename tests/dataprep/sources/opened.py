"""Opening small invented exports through the registry, and damaging them; it knows no format."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from dataprep.records import Dialogue, LeftOut, Message, Row
from dataprep.sources.registry import BY_NAME, look_at, recognise
from dataprep.sources.source import UnreadableSource


def recognised(path: Path) -> str | None:
    """The name of the format that the input is taken for."""
    found = recognise(look_at(path))
    return found[0].name if found else None


def read_as(name: str, path: Path) -> list[Row]:
    """All rows of an input, read as this format."""
    return list(BY_NAME[name].read(look_at(path)))


def messages_of(rows: list[Row]) -> list[Message]:
    """The chat messages among the rows."""
    return [row for row in rows if isinstance(row, Message)]


def turns_of(rows: list[Row]) -> list[list[tuple[str, Any]]]:
    """Role and content of each dialogue among the rows."""
    dialogues = [row for row in rows if isinstance(row, Dialogue)]
    return [[(message["role"], message["content"]) for message in dialogue.messages] for dialogue in dialogues]


def left_out(rows: list[Row]) -> list[tuple[int, str]]:
    """Number and reason of each row left out."""
    return [(row.place.row, row.reason) for row in rows if isinstance(row, LeftOut)]


def count_rows(rows: list[Row]) -> int:
    """How many rows of the source the rows account for."""
    return sum(1 if isinstance(row, Message) else row.rows for row in rows)


def write_json(path: Path, value: object) -> Path:
    """Write a value as JSON, with folders on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """The bytes of a sound file with a few stretches deleted, doubled, or replaced by what readers trip over."""
    nasty = (
        b"\0",
        b"null",
        b"-1e999",
        b"[" * 3000,
        b'{"',
        b'"',
        b"\\ud83d",
        b"\xff\xfe",
        b"9" * 5000,
        b"true",
        b"\n",
        b",",
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(sound)))
        end = min(len(sound), start + draw(st.integers(0, 12)))
        insert = draw(st.sampled_from((b"", sound[start:end] * 2, *nasty)) | st.binary(max_size=6))
        sound = sound[:start] + insert + sound[end:]
    return sound


def assert_reads_or_refuses(name: str, path: Path) -> None:
    """Whatever the input holds, rows come out, or a sentence that says why not; nothing else is raised."""
    recognised(path)
    refusal, rows = None, list[Row]()
    try:
        rows = read_as(name, path)
    except UnreadableSource as error:
        refusal = str(error)
    assert refusal is None or len(refusal) > 20
    assert all(isinstance(row, Message | Dialogue | LeftOut) for row in rows)
