"""Tells of the first and the last bytes of many texts at once which of them may say nothing; `silence` finds out.

What is passed over here is no text of blanks and no note that stands for a medium; it need not be told from others.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dataprep.checks.silence import MAX_NOTE, NOTE_ENDS, NOTE_PAIRS, OPENING, UNSEEN

Numbers = NDArray[np.int64]
Edges = NDArray[np.uint32]
Flags = NDArray[np.bool_]
_BYTES = range(256)
# A text that begins or ends with an escape is not looked into.
_ESCAPE = "\\"


class _Table:
    """A set of edges: of one, two or three bytes, in the numbers that three bytes make."""

    def __init__(self, edges: Iterable[bytes], *, last: bool = False) -> None:
        self._shift = np.uint32(8 * last)
        self._pairs, self._triples = np.zeros(1 << 16, bool), np.zeros(1 << 16, bool)
        for edge in edges:
            if len(edge) == 3:
                self._triples[_scatter(np.array([int.from_bytes(edge, "little")], np.uint32))] = True
                continue
            for other in _BYTES if len(edge) == 1 else [None]:
                beside = b"" if other is None else bytes((other,))
                self._pairs[int.from_bytes(beside + edge if last else edge + beside, "little")] = True

    def holds(self, edges: Edges) -> Flags:
        """Whether each is in the set; a few that are not may be said to be."""
        found: Flags = self._pairs[edges >> self._shift & 0xFFFF] | self._triples[_scatter(edges)]
        return found


def _scatter(edges: Edges) -> Edges:
    """Spread numbers of three bytes over those of two."""
    return edges * np.uint32(2654435761) >> np.uint32(16)


def _note_edges() -> Iterator[bytes]:
    """How notes such as `image omitted` end; what has an odd letter before the last one may be one too."""
    for last in NOTE_ENDS:
        yield from (bytes((other, ord(last))) for other in _BYTES[128:]) if last.isascii() else (last.encode(),)
    for pair in NOTE_PAIRS:
        yield from {(one + other).encode() for one in pair[0] + pair[0].upper() for other in pair[1] + pair[1].upper()}


_FIRST = _Table(character.encode() for character in (*OPENING, *UNSEEN, _ESCAPE))
_LAST = _Table((character.encode() for character in (*UNSEEN, _ESCAPE)), last=True)
_NOTE = _Table(_note_edges(), last=True)


def may_say_nothing(first: Edges, last: Edges, lengths: Numbers) -> Flags:
    """Of texts by their first and their last three bytes (the lowest first in a number), and by all their bytes."""
    return _FIRST.holds(first) | _LAST.holds(last) | (_NOTE.holds(last) & (lengths <= MAX_NOTE))
