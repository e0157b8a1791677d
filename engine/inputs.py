"""What a job learns from, linked into its folder until it has ended: deleting an upload or a model harms no job."""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from engine import durable
from engine.files import link
from wire.errors import ApiError

ADAPTER = "init_adapter"
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


class Source(NamedTuple):
    """Where bytes are, and what the caller is told if they are gone."""

    path: Path
    gone: ApiError


def adapter(folder: Path, gone: ApiError) -> dict[str, Source]:
    """The sources of a job that goes on from the adapter in `folder`, by their names in the job's folder."""
    return {f"{ADAPTER}/{name}": Source(folder / name, gone) for name in ADAPTER_FILES}


def gather(folder: Path, sources: Mapping[str, Source]) -> None:
    """Give every source a second name in a new `folder`, all of them on disk, or leave no folder and raise."""
    try:
        for name, source in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _link(source, folder / name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    durable.sync_folder(folder)
    durable.sync_folder(folder.parent)


def forget(folder: Path) -> None:
    """Remove what `gather` brought: an ended job learns no more, and links keep the bytes of deleted files."""
    for param in ("training_file", "validation_file"):
        with contextlib.suppress(OSError):  # another program may have it open, or it went before
            (folder / f"{param}.jsonl").unlink()
    shutil.rmtree(folder / ADAPTER, ignore_errors=True)


def present(folder: Path) -> list[Path]:
    """Return what `gather` brought, as far as it is there."""
    names = "training_file.jsonl", "validation_file.jsonl", ADAPTER
    return [folder / name for name in names if (folder / name).exists()]


def _link(source: Source, target: Path) -> None:
    try:
        link(source.path, target)
    except FileNotFoundError:
        raise source.gone from None
