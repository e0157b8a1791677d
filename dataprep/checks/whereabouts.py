"""Finds where in a line of JSON a value or a key given twice stands; whether the line is sound is judged elsewhere."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dataprep.checks.wording import point

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


class Whereabouts(NamedTuple):
    """A column, from 1, and the JSON pointer to what stands there."""

    column: int
    pointer: str


@dataclass(slots=True)
class _Frame:
    """An object or array that is open: the key or index that it is at, and the keys it has had."""

    is_object: bool
    step: str | int
    awaits_key: bool
    keys: set[str] = field(default_factory=set)


class _Token(NamedTuple):
    column: int
    text: str
    pointer: str
    repeats: bool


def find_value(line: str, token: str) -> Whereabouts | None:
    """Where a value first stands that is written like this, outside of strings."""
    return next((Whereabouts(one.column, one.pointer) for one in _read(line, token) if not one.repeats), None)


def find_repeated_key(line: str, key: str) -> Whereabouts | None:
    """Where this key first stands for the second time in one object."""
    return next((Whereabouts(one.column, one.pointer) for one in _read(line, key) if one.repeats), None)


def _read(line: str, wanted: str) -> Iterator[_Token]:
    """The values, and the keys given twice, that read as wanted."""
    frames: list[_Frame] = []
    for match in _TOKEN.finditer(line):
        text, top = match[0], frames[-1] if frames else None
        if text in "{[":
            frames.append(_Frame(text == "{", "" if text == "{" else 0, text == "{"))
        elif text in "}]":
            frames[-1:] = []
        elif text in ",:":
            _move_on(top, text)
        elif top is not None and top.awaits_key:
            key = _decode(text)
            repeats, top.step = key in top.keys, key
            top.keys.add(key)
            if repeats and key == wanted:
                yield _Token(match.start() + 1, text, point(*(frame.step for frame in frames)), True)
        elif text == wanted:
            yield _Token(match.start() + 1, text, point(*(frame.step for frame in frames)), False)


def _move_on(frame: _Frame | None, sign: str) -> None:
    if frame is None:
        return
    if isinstance(frame.step, int):
        frame.step += sign == ","
    else:
        frame.awaits_key = sign == ","


def _decode(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text
