"""Tells which lines of a block are certainly clean chats, by a few passes over all its bytes; it explains nothing.

Such a line is `{"messages": [{"role": "...", "content": "..."}, ...]}` as json.dumps writes it, with its blanks or
without any. What stands between two texts is then known byte for byte: the frame of a message. All else must be text,
and a text holds no bare quotation mark, no control character, and only escapes of one letter.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.checks.edges import may_say_nothing

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]

_QUOTE, _BACKSLASH, _BRACE, _NEWLINE, _BLANK = b'"\\{\n '
_QUOTES_OF_LINE, _QUOTES_OF_MESSAGE = 2, 8
# A frame is looked at as five words, from four bytes before its brace on; no clean line is shorter.
_BEFORE, _FRAME, _WORD = 4, 40, 8
_ROLES = (b"system", b"user", b"assistant")
_SYSTEM, _USER, _ASSISTANT, _NOBODY = range(4)


class Survey(NamedTuple):
    """What is known of each line: where it ends, whether it is certainly a clean chat, and if so a sketch of it.

    Equal lines have equal sketches; different lines seldom do.
    """

    ends: Numbers
    clean: Flags
    sketches: Words


class _Frames(NamedTuple):
    """The frames in a block: where their braces are, their numbers in `_KINDS`, and whether they begin a chat."""

    at: Numbers
    kind: Numbers
    opens: Flags


class _Kind(NamedTuple):
    """A frame from its brace on, and what stands before it: after another message, or at the start of a line."""

    role: int
    frame: bytes
    gap: bytes
    start: bytes


def _kind(role: int, blank: bytes) -> _Kind:
    frame = b'{"role":%b"%b",%b"content":%b"' % (blank, _ROLES[role], blank, blank)
    return _Kind(role, frame, b'"},' + blank, b'{"messages":%b[' % blank)


def _word(text: bytes) -> int:
    return int.from_bytes(text[:_WORD], "little")


def _mask(text: bytes) -> bytes:
    """All ones where a text has a byte that matters, which is none of zero."""
    return bytes(255 * (byte > 0) for byte in text)


def _words(texts: list[bytes]) -> Words:
    return np.array([np.frombuffer(text.ljust(_FRAME, b"\0"), "<u8") for text in texts])


# The second word of a frame, such as `le": "us`, tells its kind.
_KINDS = sorted(
    (_kind(role, blank) for role in (_SYSTEM, _USER, _ASSISTANT) for blank in (b" ", b"")),
    key=lambda kind: _word(kind.frame[_BEFORE:]),
)
_TELLING = np.array([_word(kind.frame[_BEFORE:]) for kind in _KINDS], np.uint64)
_REST = _words([bytes(_BEFORE) + kind.frame for kind in _KINDS])[:, 1:].T.copy()
_REST_MASK = _words([_mask(bytes(_BEFORE) + kind.frame) for kind in _KINDS])[:, 1:].T.copy()
_OPENS = np.array([_word(kind.start[-_BEFORE:] + kind.frame) for kind in _KINDS], np.uint64)
_FOLLOWS = np.array([_word(kind.gap.rjust(_BEFORE, b"\0") + kind.frame) for kind in _KINDS], np.uint64)
_FOLLOWS_MASK = np.array([_word(_mask(kind.gap.rjust(_BEFORE, b"\0") + kind.frame)) for kind in _KINDS], np.uint64)
_ROLE = np.array([kind.role for kind in _KINDS])
_LENGTH = np.array([len(kind.frame) for kind in _KINDS])
_GAP = np.array([len(kind.gap) for kind in _KINDS])
_START = np.array([len(kind.start) for kind in _KINDS])
_CHAT, _MESSAGES, _CLOSING = _word(b'{"messag'), _word(b"messages"), b'"}]}'
_MAY_FOLLOW = np.zeros((4, 3), bool)
for _before, _after in (
    (_NOBODY, _SYSTEM),
    (_NOBODY, _USER),
    (_SYSTEM, _USER),
    (_USER, _ASSISTANT),
    (_ASSISTANT, _USER),
):
    _MAY_FOLLOW[_before, _after] = True
_ESCAPES = np.zeros(256, bool)
_ESCAPES[list(b'"/bfnrt')] = True
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


def make_room(size: int) -> Flags:
    """Room to survey blocks of so many bytes: taking new pages for each block would take longer than the work."""
    return np.empty((2, size), bool)


def survey(block: bytes, room: Flags) -> Survey:
    """Look at a block of whole lines, the last one with its line end."""
    text, room = np.frombuffer(block, np.uint8), room[:, : len(block)]
    marks = _find_marks(text, room)
    signs = text[marks]
    ends = marks[signs == _NEWLINE]
    escapes = marks[signs == _BACKSLASH]
    escaped = text[escapes + 1]
    frames = _find_frames(block, marks[signs == _BRACE])
    starts = np.concatenate(([0], ends[:-1] + 1))
    first = frames.at.searchsorted(starts)
    count = np.diff(first, append=len(frames.at))
    framed, silent, sketches = np.zeros(len(ends), bool), np.zeros(len(ends), bool), np.zeros(len(ends), np.uint64)
    whole = np.flatnonzero(count)
    if len(whole):
        lines = starts[whole], ends[whole], first[whole], count[whole]
        framed[whole], silent[whole], sketches[whole] = _read_lines(block, frames, *lines)
    odd = np.concatenate((marks[(signs < _BLANK) & (signs != _NEWLINE)], escapes[~_ESCAPES[escaped]]))
    framed[ends.searchsorted(odd)] = False
    framed &= _count_quotes(
        np.equal(text, _QUOTE, out=room[0]), ends, count, escapes[escaped == _QUOTE], bool(framed.all())
    )
    return Survey(ends, framed & ~silent, sketches)


def _find_marks(text: NDArray[np.uint8], room: Flags) -> Numbers:
    """Where there are control characters, backslashes and braces."""
    found, more = room
    np.less(text, _BLANK, out=found)
    for sign in (_BACKSLASH, _BRACE):
        np.equal(text, sign, out=more)
        np.logical_or(found, more, out=found)
    return np.flatnonzero(found)


def _find_frames(block: bytes, braces: Numbers) -> _Frames:
    """The braces that begin the frame of a message; others are those of texts, or make their line unclean."""
    braces = braces[(braces >= _BEFORE) & (braces <= len(block) - (_FRAME - _BEFORE))]
    if not len(braces):
        return _Frames(braces, braces, braces > 0)
    words = _unaligned(block, f"V{_FRAME}")[braces - _BEFORE].view("<u8").reshape(-1, _FRAME // _WORD)
    kind = _TELLING.searchsorted(words[:, 1])
    kind[kind == len(_KINDS)] = 0
    opens = words[:, 0] == _OPENS[kind]
    fits = opens | (words[:, 0] & _FOLLOWS_MASK[kind] == _FOLLOWS[kind])
    for column, (mask, rest) in enumerate(zip(_REST_MASK, _REST, strict=True), 1):
        fits &= words[:, column] & mask[kind] == rest[kind]
    return _Frames(braces[fits], kind[fits], opens[fits])


def _read_lines(
    block: bytes, frames: _Frames, starts: Numbers, ends: Numbers, first: Numbers, count: Numbers
) -> tuple[Flags, Flags, Words]:
    """Which lines that hold frames are made of nothing but a clean chat's, and their sketches."""
    at, kind, opens = frames
    is_first = np.zeros(len(at), bool)
    is_first[first] = True
    last = first + count - 1
    role = _ROLE[kind]
    before = np.empty_like(role)
    before[1:], before[first] = role[:-1], _NOBODY
    begins = at + _LENGTH[kind]
    stops = np.empty_like(at)
    stops[:-1] = (at - _GAP[kind])[1:]
    stops[last] = ends - len(_CLOSING)
    sound = (opens == is_first) & _MAY_FOLLOW[before, role] & (begins < stops)
    words, halves = _unaligned(block, "<u8"), _unaligned(block, "<u4")
    edges = halves[np.minimum(begins, stops - 1)] & np.uint32(0xFFFFFF), halves[stops - 4] >> np.uint32(8)
    silent = may_say_nothing(*edges, stops - begins)
    framed = (words[starts] == _CHAT) & (words[starts + 2] == _MESSAGES) & (at[first] - starts == _START[kind[first]])
    framed &= (role[last] == _ASSISTANT) & (halves[ends - len(_CLOSING)] == _word(_CLOSING))
    framed &= np.logical_and.reduceat(sound, first)
    tails = stops - _WORD
    heads = np.minimum(begins, tails)
    sketch = (stops - np.repeat(starts, count)).astype(np.uint64) * _MIX[0] + words[heads] * _MIX[1]
    sketch ^= words[tails] * _MIX[2] + words[(heads + tails) >> 1] * _MIX[3]
    sketch ^= sketch >> np.uint64(29)
    return framed, np.logical_or.reduceat(silent, first), np.add.reduceat(sketch * _MIX[1], first)


def _count_quotes(quotes: Flags, ends: Numbers, count: Numbers, quoted: Numbers, framed: bool) -> Flags:
    """Which lines have no quotation marks but those of their frames and those `quoted` by a backslash."""
    bare = _QUOTES_OF_LINE + _QUOTES_OF_MESSAGE * count
    # A frame's marks are there: where all lines are made of frames, one count of all marks is enough.
    if framed and np.count_nonzero(quotes) == bare.sum() + len(quoted):
        return np.ones(len(ends), bool)
    lines = len(ends)
    found = np.bincount(ends.searchsorted(np.flatnonzero(quotes)), minlength=lines)
    escaped = np.bincount(ends.searchsorted(quoted), minlength=lines)
    matches: Flags = found == bare + escaped
    return matches


def _unaligned(block: bytes, kind: str) -> "np.ndarray[tuple[int], np.dtype[Any]]":
    """The block as values of several bytes that begin at each byte."""
    size = np.dtype(kind).itemsize
    return np.ndarray((len(block) - size + 1,), kind, buffer=block, strides=(1,))
