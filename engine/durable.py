"""Files that are whole or absent: written under another name, synced, renamed, and the folder synced too."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def replace(path: Path) -> Iterator[BinaryIO]:
    """Write to `path` all at once: on leaving without an error the new content is on disk under its name."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as JSON, all at once."""
    with replace(path) as stream:
        stream.write(json.dumps(content, ensure_ascii=False, indent=1).encode())


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` last; Windows has no such call and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
