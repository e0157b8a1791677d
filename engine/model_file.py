"""Judges the header of a GGUF file that came from outside before any library reads it; it loads no model.

Every count and length is believed only as far as the file reaches (ggml's docs/gguf.md). What the numbers mean to a
model is `architectures`' matter, but for those that a loader divides by or allocates for.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from engine.architectures import Unsupported

LARGEST_HEADER = 100_000_000
_VERSIONS = (2, 3)
_MOST_FACTS, _MOST_TENSORS, _MOST_TEXTS = 10_000, 100_000, 2**21
_LONGEST_NAME, _LONGEST_TENSOR_NAME, _LONGEST_TEXT = 256, 63, 2**24
_LONGEST_SIDE = 2**31
_MOST_SIDES = 4
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _TEXT, _LIST, _UINT32 = 7, 8, 9, 4
_TOKENS, _MOST_TOKENS = "tokenizer.ggml.tokens", 2**19
# What llama.cpp reads beside each token, and its one type there.
_OF_TOKENS = {"tokenizer.ggml.token_type": 5, "tokenizer.ggml.scores": 6}
# A loader divides by them, allocates for them, or ends itself beyond them; of each layer they may be a list.
_SIZES = (
    {"block_count": 512, "embedding_length": 2**20, "feed_forward_length": 2**24, "context_length": 2**31}
    | {"attention.head_count": 2**16, "attention.head_count_kv": 2**16, "attention.key_length": 2**16}
    | {"attention.value_length": 2**16, "rope.dimension_count": 2**16, "vocab_size": _MOST_TOKENS}
)
_SHORT_LIST = 4096  # longer ones are vocabularies, of which only the length is kept
_ALIGNMENTS = {2**power for power in range(3, 17)}
# Numbers and bytes of a block, by ggml's type of a tensor (gguf.GGML_QUANT_SIZES).
BLOCKS = (
    {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40)}
    | {10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292)}
    | {16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82)}
    | {23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2)}
    | {34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18)}
)


class Malformed(Unsupported):
    """A model file's header contradicts itself or the file, or asks for more than any model does."""

    code = "invalid_model_file"


@dataclass(frozen=True)
class Length:
    """What is kept of a long list, and of one of texts: how many it has, and of which type."""

    count: int
    kind: int


class Tensor(NamedTuple):
    """One tensor: its sides, the innermost first, ggml's type, where it begins behind the header, and its bytes."""

    name: str
    sides: tuple[int, ...]
    kind: int
    offset: int
    length: int

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.sides)


@dataclass(frozen=True)
class Layout:
    """What a header says of the model, and of its tensors in the header's order; places are bytes of the file."""

    facts: dict[str, Any]
    tensors: list[Tensor]
    tensors_at: int
    data_at: int
    alignment: int


def check(path: Path) -> None:
    """Raise Malformed, with a sentence that names the file, unless the header of the GGUF at `path` can be believed."""
    layout(path)


def facts(path: Path) -> dict[str, Any]:
    """Return what the header of the GGUF at `path` says of the model; of long lists and lists of texts their length.

    Raises:
        Malformed: it cannot be believed; the message is a sentence that names the file.
    """
    return layout(path).facts


def layout(path: Path) -> Layout:
    """Return where the GGUF at `path` has what; raises as `facts` does."""
    with path.open("rb") as file:
        try:
            return _check(_Reader(file, path.stat().st_size))
        except Malformed as reason:
            raise Malformed(f"{path.name} is no GGUF file that can be loaded: {reason}.") from None


class _Reader:
    """Reads a header piece by piece and holds none of it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self._limit = min(size, LARGEST_HEADER)
        self.at = 0
        self._texts = 0

    def take(self, length: int) -> bytes:
        self._pass(length)
        return self._file.read(length)

    def skip(self, length: int) -> None:
        self._pass(length)
        self._file.seek(length, 1)

    def numbers(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))

    def number(self, form: str) -> Any:
        return self.numbers(form)[0]

    def name(self, longest: int) -> str:
        """Read what must be a name: printable ASCII."""
        length = self.number("Q")
        if not 0 < length <= longest:
            raise Malformed(f"a name has {length} letters, where 1 to {longest} are possible")
        text = self.take(length)
        if not (text.isascii() and text.decode("latin-1").isprintable()):
            raise Malformed(f"a name has letters that names do not have: {text[:40]!r}")
        return text.decode("ascii")

    def text(self) -> bytes:
        return self.take(self._text_length())

    def skip_texts(self, count: int) -> None:
        self._texts += count
        if self._texts > _MOST_TEXTS:
            raise Malformed(f"it lists more than {_MOST_TEXTS} texts")
        for _ in range(count):
            self.skip(self._text_length())

    def _text_length(self) -> int:
        (length,) = struct.unpack("<Q", self.take(8))
        if length > _LONGEST_TEXT:
            raise Malformed(f"a text has {length} bytes, more than {_LONGEST_TEXT}")
        return int(length)

    def _pass(self, length: int) -> None:
        self.at += length
        if self.at > self._limit:
            what = "the header is longer than the file" if self._limit == self.size else "the header is too long"
            raise Malformed(what)


def _check(reader: _Reader) -> Layout:
    if reader.size < 24 or reader.take(4) != b"GGUF":
        raise Malformed("it does not begin as one")
    version, tensors, facts = reader.numbers("IQQ")
    if version not in _VERSIONS:
        raise Malformed(f"its version is {version}; known are {_VERSIONS}")
    if facts > _MOST_FACTS or tensors > _MOST_TENSORS:
        raise Malformed(f"it claims {facts} facts and {tensors} tensors")
    known = _unique("fact", (_fact(reader) for _ in range(facts)))
    if not isinstance(known.get("general.architecture"), str):
        raise Malformed("it names no architecture")
    _check_sizes(known)
    for name, kind in _OF_TOKENS.items():
        if name in known and known[name] != Length(getattr(known.get(_TOKENS), "count", 0), kind):
            raise Malformed(f"{name} has not one number of its type for each token")
    tensors_at = reader.at
    stored = list(_unique("tensor", (_tensor(reader) for _ in range(tensors))).values())
    alignment = known.get("general.alignment", 32)
    if alignment not in _ALIGNMENTS:
        raise Malformed(f"its alignment is {alignment}")
    data_at = (reader.at + alignment - 1) // alignment * alignment
    _check_extents(stored, alignment, reader.size - data_at)
    return Layout(known, stored, tensors_at, data_at, alignment)


def _check_sizes(known: dict[str, Any]) -> None:
    own = known["general.architecture"]
    for name, largest in _SIZES.items():
        size = known.get(f"{own}.{name}", 1)
        each, least = (size, 0) if isinstance(size, list) else ([size], 1)
        for one in each:
            if not (isinstance(one, int) and least <= one <= largest):
                raise Malformed(f"its {name} is {one!r}, where 1 to {largest} is possible")
    if known.get(f"{own}.expert_count"):
        raise Malformed("it is made of experts, and no such model is known here")


def _unique(what: str, named: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in named:
        if name in found:
            raise Malformed(f"the {what} {name} is there twice")
        found[name] = value
    return found


def _fact(reader: _Reader) -> tuple[str, Any]:
    name, kind = reader.name(_LONGEST_NAME), reader.number("I")
    if name == "general.alignment" and kind != _UINT32:
        raise Malformed("its alignment is no number of 32 bits")
    if name == _TOKENS:
        return name, _tokens(reader, kind)
    return name, _list(reader, name in _OF_TOKENS) if kind == _LIST else _value(reader, kind)


def _tokens(reader: _Reader, kind: int) -> Length:
    """Pass over the vocabulary: llama.cpp ends itself if a token is there twice."""
    of, count = reader.numbers("IQ")
    if (kind, of) != (_LIST, _TEXT) or not 0 < count <= _MOST_TOKENS:
        raise Malformed(f"its vocabulary is no list of 1 to {_MOST_TOKENS} texts")
    if len({reader.text() for _ in range(count)}) < count:
        raise Malformed("a token is there twice")
    return Length(count, of)


def _value(reader: _Reader, kind: int) -> Any:
    if kind == _TEXT:
        return reader.text().decode("utf-8", "replace")
    if kind not in _NUMBERS:
        raise Malformed(f"a value is of type {kind}, which there is not")
    value = reader.number(_NUMBERS[kind])
    if kind == _BOOL and value > 1:
        raise Malformed(f"a truth value is {value}")
    return value


def _list(reader: _Reader, beside_tokens: bool) -> list[Any] | Length:
    kind, count = reader.numbers("IQ")
    if kind == _TEXT:
        reader.skip_texts(count)
        return Length(count, kind)
    if kind not in _NUMBERS:
        raise Malformed(f"a list is of type {kind}, which there is not in lists")
    if count <= _SHORT_LIST and not beside_tokens:
        return list(reader.numbers(f"{count}{_NUMBERS[kind]}"))
    reader.skip(count * struct.calcsize(f"<{_NUMBERS[kind]}"))
    return Length(count, kind)


def _tensor(reader: _Reader) -> tuple[str, Tensor]:
    name, count = reader.name(_LONGEST_TENSOR_NAME), reader.number("I")
    if not 0 < count <= _MOST_SIDES:
        raise Malformed(f"the tensor {name} has {count} dimensions")
    *sides, kind, offset = reader.numbers(f"{count}QIQ")
    if not all(0 < side < _LONGEST_SIDE for side in sides):
        raise Malformed(f"the tensor {name} has sides of {sides}")
    if kind not in BLOCKS:
        raise Malformed(f"the tensor {name} is of type {kind}, which is not known")
    numbers, length = BLOCKS[kind]
    if sides[0] % numbers:
        raise Malformed(f"the rows of the tensor {name} are no whole blocks")
    return name, Tensor(name, tuple(sides), kind, offset, prod(sides) // numbers * length)


def _check_extents(stored: list[Tensor], alignment: int, room: int) -> None:
    """Tensors are aligned, lie within the `room` behind the header and not upon each other."""
    free_from = 0
    for tensor in sorted(stored, key=lambda one: (one.offset, one.length)):
        if tensor.offset % alignment:
            raise Malformed(f"the tensor {tensor.name} is not aligned")
        if tensor.offset < free_from:
            raise Malformed(f"the tensor {tensor.name} lies upon another")
        free_from = tensor.offset + tensor.length
        if free_from > room:
            raise Malformed(f"the tensor {tensor.name} reaches beyond the file's end")
