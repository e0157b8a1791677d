"""A child that was taken over: tries what it is told in JSON on its command line, and prints what it could do."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lifeline


def main(told: dict[str, Any]) -> None:
    """Print the names of the deeds that succeeded, one JSON line; stay until the parent ends."""
    lifeline.watch()
    deeds: dict[str, Callable[[], object]] = {
        "read its own": Path(told["own"], "given").read_bytes,
        "write its own": lambda: Path(told["own"], "made").write_text("x"),
        "change what it was given": lambda: Path(told["own"], "given").write_text("x"),
        "read another's": Path(told["others"], "secret").read_bytes,
        "list another's": lambda: next(Path(told["others"]).iterdir()),
        "write to another's": lambda: Path(told["others"], "made").write_text("x"),
        "read beside our code": Path("pyproject.toml").read_bytes,
        "write to the system": lambda: os.utime("/usr"),
        "write to the root": lambda: os.utime("/"),
        "see other processes": lambda: Path(f"/proc/{told['parent']}/cmdline").read_bytes(),
        "read the parent's environment": lambda: Path(f"/proc/{told['parent']}/environ").read_bytes(),
        "signal the parent": lambda: os.kill(told["parent"], 0),
        "reach a port": lambda: socket.create_connection(("127.0.0.1", told["port"]), 3).close(),
        "reach an abstract socket": lambda: _connect(f"\0{told['abstract']}"),
        "reach a socket of another's": lambda: _connect(told["socket"]),
        "have rights": _have_rights,
    }
    print(json.dumps([name for name, deed in deeds.items() if _does(deed)]), flush=True)
    signal.pause()


def _connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as ours:
        ours.settimeout(3)
        ours.connect(path)


def _have_rights() -> None:
    """Raise unless a new program could get more rights than this one has."""
    status = Path("/proc/self/status").read_text()
    if "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status:
        raise PermissionError


def _does(deed: Callable[[], object]) -> bool:
    try:
        deed()
    except (OSError, StopIteration):
        return False
    return True


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
