"""Judges the header of a safetensors file that came from outside before any library reads it; it loads no tensor."""

import json
from math import prod
from pathlib import Path
from typing import Any

from engine.model_file import LARGEST_HEADER, Malformed

# Headers of whole models have some hundred kilobytes; parsed, text takes thirty times its size.
_LARGEST_PARSED = 2_000_000
_BITS = (
    dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8)
    | dict.fromkeys(("I16", "U16", "F16", "BF16"), 16)
    | dict.fromkeys(("I32", "U32", "F32"), 32)
    | dict.fromkeys(("I64", "U64", "F64", "C64"), 64)
)
_MOST_SIDES, _LONGEST_SIDE = 8, 2**31


def check(path: Path) -> None:
    """Raise Malformed, with a sentence that names the file, unless the header of `path` can be believed."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            if length > min(size - 8, LARGEST_HEADER, _LARGEST_PARSED):
                raise Malformed(f"a header of {length} bytes is more than the file has, or than is read")
            _check(file.read(length), size - 8 - length)
        except Malformed as reason:
            raise Malformed(f"{path.name} is no safetensors file that can be loaded: {reason}.") from None


def _check(header: bytes, room: int) -> None:
    """Tensors fill the `room` behind the header without gap or overlap, as the format has it."""
    try:
        tensors = json.loads(header.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"its header is no JSON: {error}") from None
    if not isinstance(tensors, dict):
        raise Malformed("its header is no JSON object")
    texts = tensors.pop("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise Malformed("its metadata are no texts")
    free_from = 0
    for begin, end in sorted(_extent(name, one) for name, one in tensors.items()):
        if begin != free_from:
            raise Malformed(f"a tensor begins at {begin}, but the one before ends at {free_from}")
        free_from = end
    if free_from != room:
        raise Malformed(f"its tensors have {free_from} bytes, but the file has {room}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("a name is there twice")
    return found


def _refuse(text: str) -> None:
    raise Malformed(f"{text} is no number")


def _extent(name: str, tensor: Any) -> tuple[int, int]:
    """Return where a tensor begins and ends behind the header."""
    match tensor:
        case {"dtype": str(kind), "shape": [*sides], "data_offsets": [int(begin), int(end)]} if len(tensor) == 3:
            pass
        case _:
            raise Malformed(f"the tensor {name[:80]!r} has not type, shape and place, and these alone")
    if kind not in _BITS:
        raise Malformed(f"the tensor {name[:80]!r} is of type {kind[:20]!r}, which is not known")
    if len(sides) > _MOST_SIDES or not all(type(side) is int and 0 <= side < _LONGEST_SIDE for side in sides):
        raise Malformed(f"the tensor {name[:80]!r} has no possible shape")
    if not 0 <= begin <= end or prod(sides) * _BITS[kind] != (end - begin) * 8:
        raise Malformed(f"the tensor {name[:80]!r} has not the bytes that its shape needs")
    return begin, end
