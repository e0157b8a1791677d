"""Files that are whole or absent: written under another name, synced, renamed, and the folder synced too."""

import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

_UNTRUSTED_DISK = 70  # EX_SOFTWARE of sysexits.h


@contextmanager
def replace(path: Path) -> Iterator[BinaryIO]:
    """Write to `path` all at once: on leaving without an error the new content is on disk under its name."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as stream:
            yield stream
            stream.flush()
            _sync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, all at once."""
    with replace(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as JSON, all at once."""
    write_text(path, json.dumps(content, ensure_ascii=False))


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def move_folder(source: Path, target: Path) -> None:
    """Put a finished folder in the place of `target`, its files on disk before its name."""
    sync_files(source)
    sync_folder(source)
    shutil.rmtree(target, ignore_errors=True)
    source.replace(target)
    sync_folder(target.parent)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_files(folder: Path) -> None:
    """Force every file of `folder` to disk, so that a marker written afterwards speaks the truth."""
    for path in folder.iterdir():
        sync_file(path)


def sync_file(path: Path) -> None:
    """Force a file's bytes to disk."""
    with path.open("rb+") as stream:
        _sync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` last; Windows has no such call and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _sync(handle)
    finally:
        os.close(handle)


def end_without_disk(failure: Exception) -> None:
    """End this process: what a disk has failed to write the system may call written from then on.

    Asked once more it would say that all is well, and an answer would promise what is lost. Whoever starts anew reads
    what is there, and `engine.repair` puts it in order.
    """
    logging.getLogger(__name__).critical("The disk of DATA_DIR has failed to write: %s", failure)
    os._exit(_UNTRUSTED_DISK)


def _sync(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as failure:
        if failure.errno == errno.EIO:
            end_without_disk(failure)
        raise
