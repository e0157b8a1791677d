"""Writes requirements/lock/: every package that runs in production, with the sha256 of each of its files on PyPI.

Run `make lock`. No release younger than a week is taken. PyTorch is apart, for one version of it has several builds:
PyPI's, with CUDA, is locked in torch.txt; `torch-cpu.txt` is kept by hand.
"""

import re
import subprocess

from supply.locked import LOCK

REQUIREMENTS = LOCK.parent
# Each file, and the one before it that it goes on from.
FILES = {"service": "", "engine": "service", "postgresql": "", "wandb": "engine"}
COOLDOWN = "7 days"

_TORCH = re.compile(r"(torch|triton|cuda-.*|nvidia-.*)==")
_NAME = re.compile(r"([a-z0-9-]+)==")


def main() -> None:
    """Resolve everything at once, then give each package to the first file that needs it."""
    everything = resolved(*FILES)
    rest = dict(everything)
    for name, before in FILES.items():
        own = {
            package: rest.pop(package) for package in resolved(name) if package in rest and not is_torch(rest[package])
        }
        write(name, f"-r {before}.txt\n" if before else "", own)
    write("torch", "", rest)


def resolved(*names: str) -> dict[str, str]:
    """Return each package that these requirements lead to on any platform, and its lines with hashes."""
    options = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-annotate", "--no-header"]
    sources = [str(REQUIREMENTS / f"{name}.txt") for name in names]
    command = ["uv", "pip", "compile", "--quiet", *options, f"--exclude-newer={COOLDOWN}", *sources]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    entries = re.split(r"^(?=[a-z])", told, flags=re.MULTILINE)[1:]
    # Python in a browser is no platform of ours.
    return {package_of(entry): entry for entry in entries if "emscripten" not in entry.partition("\n")[0]}


def package_of(entry: str) -> str:
    found = _NAME.match(entry)
    assert found, entry
    return found[1]


def is_torch(entry: str) -> bool:
    return bool(_TORCH.match(entry))


def write(name: str, first: str, entries: dict[str, str]) -> None:
    """Write one file of the lock."""
    note = "# Made by `make lock`; nothing here is changed by hand.\n"
    (LOCK / f"{name}.txt").write_text(note + first + "".join(entries.values()), encoding="utf-8")


if __name__ == "__main__":
    main()
