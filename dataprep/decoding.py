"""Bytes as text, whatever their encoding: byte order mark, strict UTF-8, then detection; the guess is always told."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chardet

ENCODINGS = "utf-8, gb18030, big5, shift_jis, utf-16 and the others of Python"
SAMPLE_BYTES = 256 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Supersets that read what the narrower names cannot.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "ascii": "utf-8"}


def encoding_of(path: Path) -> str:
    """Return the name of the file's encoding, as Python knows it; `utf-8` when nothing speaks against it."""
    with path.open("rb") as file:
        return encoding_of_bytes(file.read(SAMPLE_BYTES))


def encoding_of_bytes(sample: bytes) -> str:
    """Return the encoding that a file's first bytes are in; a character cut off at the end does not count."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        guess = str(chardet.detect(_telling_part(sample)).get("encoding") or "utf-8").lower()
        return _WIDER.get(guess, guess)
    return "utf-8"


def _telling_part(sample: bytes) -> bytes:
    """The lines that are not ASCII: among many others that are, a few Chinese ones would be taken for Latin."""
    # Where a character may have a byte of zero, a line end is no single byte.
    return sample if b"\0" in sample else b"\n".join(line for line in sample.split(b"\n") if not line.isascii())


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name."""
    try:
        "x".encode(name)
    except (LookupError, ValueError):
        return False
    return True


@contextmanager
def open_text(path: Path, encoding: str = "") -> Iterator[io.TextIOWrapper]:
    """Open a file as text in its own encoding, or in this; line ends are kept, bytes that fit nowhere become U+FFFD."""
    with path.open(encoding=encoding or encoding_of(path), errors="replace", newline="") as file:
        yield file
