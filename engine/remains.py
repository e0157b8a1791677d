"""What an ended job may keep in its folder: its logs and figures, and the adapters of models that were published."""

import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from engine import inputs


def clear(folder: Path, published: Collection[Path] = ()) -> list[Path]:
    """Remove what the job in `folder` learned from, and what it trained but for the folders of `published` adapters.

    A kill meanwhile harms nothing: the next start clears again. Returns what was trained and is gone.
    """
    inputs.forget(folder)
    trained = {folder / "adapter.partial", folder / "adapter", *folder.glob("checkpoints/*")}
    gone = remove(trained - {adapter.parent for adapter in published})
    with suppress(OSError):  # there is none, or it holds what was published
        (folder / "checkpoints").rmdir()
    return gone


def remove(paths: Iterable[Path]) -> list[Path]:
    """Remove files and folders; return those that there were."""
    there = [path for path in paths if path.exists() or path.is_symlink()]
    for path in there:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return there
