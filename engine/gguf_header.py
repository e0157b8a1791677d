"""What the head of a GGUF file says of a model, read without its vocabulary and tensors; it judges no file."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_VOCABULARY = "tokenizer."
_CACHE_VALUE_BYTES = 2  # llama.cpp keeps float16
_LONGEST_STRING = 2**24


@dataclass(frozen=True)
class Header:
    """The architecture, tokens that the model was made for, and bytes of cache that one of them takes.

    0 and "": the file does not say.
    """

    architecture: str = ""
    context: int = 0
    cache_bytes: int = 0


def read(path: Path) -> Header:
    """Return the header of the GGUF file at `path` (ggml's docs/gguf.md); of what is none, an empty one."""
    try:
        with path.open("rb") as file:
            facts = dict(_facts(file))
    except (OSError, ValueError, RecursionError, struct.error):
        return Header()
    kind = str(facts.get("general.architecture", ""))
    own = {name.removeprefix(f"{kind}."): value for name, value in facts.items()}
    return Header(kind, _number(own.get("context_length")), _cache_bytes(own))


def within_context(path: Path, tokens: int) -> int:
    """Return `tokens`, or what the model at `path` was made for if that is less."""
    return min(tokens, read(path).context or tokens)


def _cache_bytes(own: dict[str, Any]) -> int:
    layers, heads = _number(own.get("block_count")), _number(own.get("attention.head_count"))
    width = _number(own.get("embedding_length")) // max(1, heads)
    key, value = (_number(own.get(f"attention.{side}_length", width)) for side in ("key", "value"))
    per_layer = own.get("attention.head_count_kv", heads)
    all_heads = sum(per_layer) if isinstance(per_layer, list) else layers * _number(per_layer)
    return all_heads * (key + value) * _CACHE_VALUE_BYTES


def _number(value: Any) -> int:
    """Return a whole number; of a list, which has one for each layer, the largest."""
    value = max(value, default=0) if isinstance(value, list) else value
    return value if isinstance(value, int) else 0


def _facts(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Yield the names and values before the vocabulary, which writers put last."""
    if file.read(4) != b"GGUF":
        raise ValueError("no GGUF file")
    _, _, count = _unpack(file, "IQQ")
    for _ in range(count):
        name = _string(file)
        if name.startswith(_VOCABULARY):
            return
        yield name, _value(file, *_unpack(file, "I"))


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        of, length = _unpack(file, "IQ")
        return [_value(file, of) for _ in range(length)]
    if kind not in _NUMBERS:
        raise ValueError(f"unknown type {kind}")
    return _unpack(file, _NUMBERS[kind])[0]


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "Q")
    if length > _LONGEST_STRING:
        raise ValueError("no string is that long")
    return file.read(length).decode(errors="replace")


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    packed = struct.Struct(f"<{form}")
    return packed.unpack(file.read(packed.size))
