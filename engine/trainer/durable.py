"""Files that are either whole or absent, whenever the process is killed; what they hold is not known here."""

import json
import os
import shutil
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write to a temporary name, force it to disk, rename it to `path`."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: Path, document: Any) -> None:
    """Write `document` as UTF-8 JSON, whole or not at all."""
    write_text(path, json.dumps(document, ensure_ascii=False))


def read_json(path: Path) -> Any:
    """Read a JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def sync_files(folder: Path) -> None:
    """Force every file of `folder` to disk, so that a marker written afterwards speaks the truth."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def move_folder(source: Path, target: Path) -> None:
    """Force a finished folder to disk and put it in the place of `target`."""
    sync_files(source)
    shutil.rmtree(target, ignore_errors=True)
    source.replace(target)
