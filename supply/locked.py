"""Reads requirements/lock/: which packages, of which version, as which files."""

import re
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements" / "lock"
# What the main job always has; the rest is for those who ask for it.
REQUIRED = ("service", "engine")
HOMES = (*REQUIRED, "torch", "postgresql", "wandb")

_ENTRY = re.compile(r"^([a-z0-9-]+)==([^ ;]+)( ; [^\\\n]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


@dataclass(frozen=True)
class Locked:
    """One package: `home` is its file's name, `marker` where it is installed, empty for everywhere."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    home: str


def read(home: str) -> list[Locked]:
    """Return what one file of the lock holds itself."""
    text = (LOCK / f"{home}.txt").read_text(encoding="utf-8")
    return [
        Locked(name, version, marker[3:].strip(), tuple(re.findall(r"sha256:(\w+)", hashes)), home)
        for name, version, marker, hashes in _ENTRY.findall(text)
    ]


def read_all() -> list[Locked]:
    """Return the whole lock, but PyTorch's second build."""
    return [one for home in HOMES for one in read(home)]


def normal(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
