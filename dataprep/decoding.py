"""Bytes as text, whatever their encoding: byte order mark, strict UTF-8, then detection; the guess is always told."""

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
# A mark that stands where the telling lines begin, not the file, is none.
_WIDER |= {"utf-16": "utf-8", "utf-32": "utf-8"}
# How JSON begins where a character has two bytes and no mark says so.
_WIDE = {b"{\x00": "utf-16-le", b"[\x00": "utf-16-le", b"\x00{": "utf-16-be", b"\x00[": "utf-16-be"}
# Guesses that many bytes agree on; those of one byte a character would fit any file.
_TRUSTED = ("gb", "big5", "utf-", "euc", "shift", "iso2022", "cp932", "cp949", "johab", "hz")


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
        import chardet  # most files are UTF-8, and it takes longer to import than to ask

        guess = str(chardet.detect(_telling_part(sample)).get("encoding") or "utf-8").lower()
        return _WIDER.get(guess, guess)
    return "utf-8"


def settled_encoding(sample: bytes) -> str:
    """Return the encoding to read JSON in that begins so: UTF-8 unless all of it agrees on another."""
    if sample[:2] in _WIDE:
        return _WIDE[sample[:2]]
    encoding = encoding_of_bytes(sample)
    sure = encoding.startswith("utf") or (encoding.startswith(_TRUSTED) and not is_mostly_utf8(sample))
    return encoding if sure else "utf-8"


def is_mostly_utf8(sample: bytes) -> bool:
    """Whether bad bytes stand in some lines only; the file is in UTF-8 then, and those lines are broken."""
    verdicts = Counter(_is_utf8(line) for line in sample.split(b"\n")[:-1] if not line.isascii())
    return verdicts[True] > verdicts[False]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


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
