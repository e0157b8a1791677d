"""Small exports written on the spot, read through the registry, and spoiled at random."""

import json
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st

from dataprep.records import LeftOut, Message, Row
from dataprep.sources.registry import look_at, recognise
from dataprep.sources.source import Source, UnreadableSource

CUTS = [b"", b"\x00", b"\xff", b"\n", b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"-1", b"true"]
CUTS += [b"\\", b"9" * 400, b"9" * 5000, b"[" * 3000, b"\xef\xbb\xbf", b"\xe2\x80\x8e", b"\\ud800", b"[]", b"{}"]


def write(folder: Path, name: str, content: object) -> Path:
    """Write bytes, text or a JSON value as a file."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        path.write_bytes(text.encode())
    return path


def read(path: Path, source: str) -> list[Row]:
    """Read a file as what it is recognised as, which must be this source."""
    head = look_at(path)
    found = recognise(head)
    assert found
    assert found[0].name == source
    return list(found[0].read(head))


def messages(rows: list[Row]) -> list[Message]:
    """The messages among the rows."""
    return [row for row in rows if isinstance(row, Message)]


def reasons(rows: list[Row]) -> list[str]:
    """Why rows were left out."""
    return [row.reason for row in rows if isinstance(row, LeftOut)]


def numbers(rows: list[Row]) -> list[int]:
    """The rows' numbers, in their order."""
    return [row.place.row for row in rows]


@st.composite
def spoiled(draw: st.DrawFn, seed: bytes) -> bytes:
    """A good file with a few cuts and insertions."""
    data = seed
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 20)))
        data = data[:start] + draw(st.sampled_from(CUTS)) + data[end:]
    return data


def junk() -> st.SearchStrategy[object]:
    """Any JSON value, small."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )


@st.composite
def retyped(draw: st.DrawFn, seed: object) -> object:
    """A good JSON value in which any value may be any other."""
    if draw(st.integers(0, 9)) == 0:
        return draw(junk())
    if isinstance(seed, dict):
        return {key: draw(retyped(value)) for key, value in seed.items()}
    if isinstance(seed, list):
        return [draw(retyped(value)) for value in seed]
    return seed


def try_to_read(source: Source, path: Path) -> list[Row]:
    """What can be read before the source says, if it does, that the rest cannot."""
    head = look_at(path)
    source.recognise(head)
    rows: list[Row] = []
    with suppress(UnreadableSource):
        rows.extend(source.read(head))
    return rows
