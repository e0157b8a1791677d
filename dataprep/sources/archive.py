"""A folder or a ZIP of text files under one roof: nothing is unpacked to disk, and a ZIP bomb is refused."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dataprep.sources.source import UnreadableSource

MAX_UNPACKED_BYTES = 4 * 1024**3
# Chat logs shrink to a tenth or a twentieth; small members may be all of one letter.
MAX_RATIO = 200
_RATIO_COUNTS_FROM = 16 * 1024**2
# About fifty thousand members; each reader that looks whether it knows the file reads the directory anew.
_MAX_DIRECTORY_BYTES = 4 * 1024**2
_END_RECORD, _END_RECORD_64 = b"PK\5\6", b"PK\6\6"
_IN_OTHER_RECORD = 0xFFFFFFFF
_TAIL_BYTES = 66 * 1024
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises on bytes that are no sound ZIP.
ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
_WAY_OUT = "Unpack it and give the folder, or export again."


@dataclass(frozen=True, slots=True)
class Archive:
    """The names of the members, sorted, with `/` between folders, and a way to open one as UTF-8 text."""

    names: tuple[str, ...]
    open: Callable[[str], TextIO]


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a folder, two levels deep, or a ZIP; raises UnreadableSource if it is neither, broken, or a bomb."""
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in (*path.glob("*.json"), *path.glob("*/*.json"))}
        yield Archive(tuple(sorted(files)), lambda name: files[name].open(encoding="utf-8-sig", errors="replace"))
        return
    with open_zip(path, MAX_UNPACKED_BYTES) as packed:
        names = (name for name in packed.namelist() if not name.startswith("__MACOSX/"))
        yield Archive(
            tuple(sorted(name for name in names if not name.endswith("/"))),
            lambda name: io.TextIOWrapper(packed.open(name), encoding="utf-8-sig", errors="replace"),
        )


@contextmanager
def open_zip(path: Path, most_bytes: int, way_out: str = _WAY_OUT) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP that unpacks to `most_bytes` at most; raises UnreadableSource otherwise, before anything unpacks.

    zipfile never yields more of a member than its directory entry declares, so the declared sizes can be relied on.
    """
    try:
        if _lists_too_much(path):
            raise UnreadableSource(f"The ZIP file lists too many members. {way_out}")
        packed = zipfile.ZipFile(path)
    except ZIP_FAULTS as error:
        raise UnreadableSource(f"It is no sound ZIP file ({error}). {way_out}") from None
    with packed:
        if fault := _fault_of(packed.infolist(), path.stat().st_size, most_bytes):
            raise UnreadableSource(f"{fault}. {way_out}")
        try:
            yield packed
        except ZIP_FAULTS as error:
            raise UnreadableSource(f"The ZIP file is damaged ({error}). {way_out}") from None


def _lists_too_much(path: Path) -> bool:
    """Whether the directory at the end of a ZIP is too long to be held in memory, judged before it is."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    for mark, form, offset in ((_END_RECORD, "<L", 12), (_END_RECORD_64, "<Q", 40)):
        at = tail.rfind(mark)
        if at >= 0 and len(tail) >= at + offset + struct.calcsize(form):
            (length,) = struct.unpack_from(form, tail, at + offset)
            if length > _MAX_DIRECTORY_BYTES and length != _IN_OTHER_RECORD:
                return True
    return False


def _fault_of(members: list[zipfile.ZipInfo], packed_bytes: int, most_bytes: int) -> str | None:
    total = sum(member.file_size for member in members)
    size = f"The ZIP file would unpack to {total / 1024**2:.0f} MiB"
    if total > max(_RATIO_COUNTS_FROM, MAX_RATIO * packed_bytes):
        return f"{size}, {total // max(1, packed_bytes)} times its own size, as only a ZIP bomb does"
    if total > most_bytes:
        return f"{size}, more than the limit of {most_bytes // 1024**2} MiB"
    if any(member.flag_bits & 1 for member in members):
        return "The ZIP file is protected by a password"
    unusual = next((member for member in members if member.compress_type not in _PLAIN_METHODS), None)
    return f"The ZIP file is packed by an unusual method ({unusual.filename!r:.60})" if unusual else None
