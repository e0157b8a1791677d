"""A GGUF's quantised matrices written in another quantisation, all else as it was; the result is the same everywhere.

Each number is computed by itself in float32, so the bytes depend on the source alone and have a sha256 to be known by.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

from engine import model_file
from engine.model_file import Tensor

_FILE_TYPE = b"general.file_type" + struct.pack("<I", gguf.GGUFValueType.UINT32)


def write(source: Path, target: BinaryIO, kind: str) -> None:
    """Write the model at `source` to `target` with all matrices that are quantised as `kind`, such as Q8_0.

    Raises:
        Malformed: the header of `source` cannot be believed.
    """
    layout, wanted = model_file.layout(source), gguf.GGMLQuantizationType[kind]
    made = [_as(wanted, tensor) for tensor in layout.tensors]
    with source.open("rb") as file:
        target.write(_renamed(file.read(layout.tensors_at), kind))
        begin = 0
        for tensor in made:
            target.write(_described(tensor, begin))
            begin += _padded(tensor.length, layout.alignment)
        target.write(bytes(-target.tell() % layout.alignment))
        for old, new in zip(layout.tensors, made, strict=True):
            file.seek(layout.data_at + old.offset)
            content = file.read(old.length)
            target.write(content if new.kind == old.kind else _converted(content, old, new))
            target.write(bytes(-target.tell() % layout.alignment))


def _as(wanted: gguf.GGMLQuantizationType, tensor: Tensor) -> Tensor:
    numbers, _ = model_file.BLOCKS[tensor.kind]
    if numbers == 1:
        return tensor
    per_block, length = model_file.BLOCKS[wanted]
    return tensor._replace(kind=int(wanted), length=tensor.size // per_block * length)


def _renamed(header: bytes, kind: str) -> bytes:
    """Name the new quantisation as the file's."""
    before, name, after = header.partition(_FILE_TYPE)
    named = struct.pack("<I", gguf.LlamaFileType[f"MOSTLY_{kind}"])
    return before + name + named + after[len(named) :] if name else header


def _described(tensor: Tensor, begin: int) -> bytes:
    name, sides = tensor.name.encode(), tensor.sides
    return struct.pack(f"<Q{len(name)}sI{len(sides)}QIQ", len(name), name, len(sides), *sides, tensor.kind, begin)


def _converted(content: bytes, old: Tensor, new: Tensor) -> bytes:
    rows = np.frombuffer(content, np.uint8).reshape(old.size // old.sides[0], -1)
    numbers = dequantize(rows, gguf.GGMLQuantizationType(old.kind))
    return bytes(quantize(numbers, gguf.GGMLQuantizationType(new.kind)).tobytes())


def _padded(length: int, alignment: int) -> int:
    return length + -length % alignment
