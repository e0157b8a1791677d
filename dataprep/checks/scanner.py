"""Runs `scanner.wat`, the compiled part of a check: it tells which lines of a block may be passed over.

That is WebAssembly, compiled when it is first used: it has read a line in the time that Python needs to call anything
for one. What its memory holds, and what its numbers mean, is told there.
"""

from collections.abc import Iterable
from ctypes import addressof, memmove
from functools import cache
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple, cast

from wasmtime import Config, Engine, Instance, Module, Store

from dataprep.checks.limits import MAX_REMEMBERED
from dataprep.checks.silence import MAX_NOTE, NOTE_ENDS, NOTE_PAIRS, OPENING, UNSEEN

_SOURCE = Path(__file__).with_suffix(".wat")
_PAGE = 1 << 16
# Sixteen bytes are looked at together, up to six further on: so much is read behind a block.
_MARGIN = 64
_UNSEEN, _OPENS_NOTE, _ENDS_NOTE = 1, 2, 4
_FOUND = Struct("<IIqq")
NUMBER_BITS = 20
_PASSABLE = -1


class Found(NamedTuple):
    """A line that is handed on: its place in the block, its number in the file, and what is known of it.

    It is `passable` if it is handed on only because all are. `first` is the number of an earlier line that may be
    the same, and its offset in the file; it is told when that line is first met again.
    """

    start: int
    end: int
    number: int
    passable: bool
    first: tuple[int, int] | None


class Scanner:
    """Scans the blocks of one file, each of `size` bytes at most, and remembers its lines.

    One line of `stride` is never passed over, nor is one of more than `longest` bytes.
    """

    def __init__(self, size: int, stride: int, longest: int) -> None:
        engine, module = _compile()
        self._size = size
        self._store = Store(engine)
        # What each export is, the module's text tells.
        self._exports = cast("Any", Instance(self._store, module, []).exports(self._store))
        rules = {
            "stride": stride,
            "longest": max(0, min(longest, size)),
            "remembered": MAX_REMEMBERED,
            "max_note": MAX_NOTE,
        }
        for name, value in rules.items():
            self._exports[name].set_value(self._store, value)
        self._block = self._place("block")
        memory = self._exports["memory"]
        pages = -(-(self._block + size + _MARGIN) // _PAGE)
        memory.grow(self._store, pages - memory.size(self._store))
        self._memory = memory.get_buffer_ptr(self._store)
        self._end = self._block
        self._fill("classes", _classes())
        self._fill("pairs", _pairs())

    def load(self, block: bytes) -> bool:
        """Take a block, the last line of which has an end; returns whether it may hold the word bearer.

        Raises ValueError if it is larger than was said.
        """
        if len(block) > self._size:
            raise ValueError(f"a block of {len(block)} bytes, but there is room for {self._size}")
        self._fill("block", block)
        self._end = self._block + len(block)
        holds_bearer: int = self._exports["holds_bearer"](self._store, self._block, self._end)
        return bool(holds_bearer)

    def scan(self, at: int, number: int, offset: int, *, everything: bool) -> tuple[list[Found], int, int]:
        """Look at the lines of the block from `at` on, up to its end or until there are many to hand on.

        `number` is that of the line before, `offset` that of the block in its file; with `everything` each line is
        handed on. Returns the lines to hand on, where the next line starts, and the number of the line before that.
        """
        block = self._block
        count, end, last = self._exports["scan"](self._store, block + at, self._end, number, offset - block, everything)
        place = self._place("found")
        records = _FOUND.iter_unpack(memoryview(self._memory)[place : place + count * _FOUND.size])
        found = [
            Found(start - block, stop - block, line, known == _PASSABLE, _read_mark(known) if known > 0 else None)
            for start, stop, line, known in records
        ]
        return found, end - block, last

    def _place(self, name: str) -> int:
        place: int = self._exports[name].value(self._store)
        return place

    def _fill(self, name: str, content: bytes) -> None:
        memmove(addressof(self._memory) + self._place(name), content, len(content))


def _read_mark(mark: int) -> tuple[int, int]:
    return mark & ((1 << NUMBER_BITS) - 1), mark >> NUMBER_BITS


@cache
def _compile() -> tuple[Engine, Module]:
    config = Config()
    # No room is set aside for a larger memory, and no signal handler for places outside: each place is looked at.
    config.memory_reservation = 0
    config.memory_guard_size = 0
    config.signals_based_traps = False
    engine = Engine(config)
    return engine, Module.from_file(engine, _SOURCE)


@cache
def _classes() -> bytes:
    """What each character may be the edge of, by its code."""
    classes = bytearray(1 << 16)
    for characters, kind in ((UNSEEN, _UNSEEN), (OPENING, _OPENS_NOTE), (NOTE_ENDS, _ENDS_NOTE)):
        _mark(classes, map(ord, characters), kind)
    return bytes(classes)


@cache
def _pairs() -> bytes:
    """Which two ASCII letters a note may end in, in all cases."""
    pairs = bytearray(1 << 14)
    for pair in NOTE_PAIRS:
        first, last = (pair[0], pair[0].upper()), (pair[1], pair[1].upper())
        _mark(pairs, (ord(one) << 7 | ord(other) for one in first for other in last), 1)
    return bytes(pairs)


def _mark(table: bytearray, places: Iterable[int], kind: int) -> None:
    for place in places:
        table[place] |= kind
