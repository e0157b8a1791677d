"""Finds where in a line of JSON a value, a key given twice or half a character stands; it judges no line."""

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
    """A key or a value; `frames` are those that are open around it, as long as no further token is read."""

    column: int
    text: str
    is_key: bool
    repeats: bool
    frames: list[_Frame]


def find_value(line: str, token: str) -> Whereabouts | None:
    """Where a value first stands that is written like this, outside of strings."""
    return next((_place(one) for one in _read(line) if one.text == token and not one.is_key), None)


def find_repeated_key(line: str, key: str) -> Whereabouts | None:
    """Where this key first stands for the second time in one object."""
    return next((_place(one) for one in _read(line) if one.repeats and one.frames[-1].step == key), None)


def find_half(line: str, half: str) -> Whereabouts | None:
    """Where a text first stands that holds this lone surrogate; a key with it is told by its object."""
    return next((_place(one) for one in _read(line) if "\\u" in one.text and half in _decode(one.text)), None)


def _place(token: _Token) -> Whereabouts:
    frames = token.frames[:-1] if token.is_key and not token.repeats else token.frames
    pointer = point(*(frame.step for frame in frames))
    # A key may hold half a character, which nothing could print.
    return Whereabouts(token.column, pointer.encode("utf-8", "replace").decode())


def _read(line: str) -> Iterator[_Token]:
    """The keys and the values that are no objects or arrays, in order."""
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
            yield _Token(match.start() + 1, text, True, repeats, frames)
        else:
            yield _Token(match.start() + 1, text, False, False, frames)


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
