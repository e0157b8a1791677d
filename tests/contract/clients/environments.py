"""An environment for each client, kept in `.venv-clients`; nothing of theirs is ever installed beside ours.

Packages come from the indexes that pip and npm are set up for, in the versions that the client's files name.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.contract.clients.catalogue import ROOT, Client

FOLDER = ROOT / ".venv-clients"
_INSTALL = ("install", "--disable-pip-version-check", "--quiet", "--retries", "1", "--no-deps", "--no-compile")


class NotDriven(AssertionError):
    """A client's environment could not be made; that is no result, and says so."""


def interpreter(client: Client) -> Path:
    """Return the Python or Node of the client's environment, which is made first if it is not there as pinned.

    Raises:
        NotDriven: a package index cannot be reached, or has not what is pinned.
    """
    if client.is_ours:
        return Path(sys.executable)
    folder = FOLDER / client.name
    stamp = folder / "made-from"
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in client.pinned)).hexdigest()
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        _make(client, folder)
        stamp.write_text(wanted, encoding="utf-8")
    return _program(folder, "node" if client.script.suffix == ".mjs" else "python")


def _make(client: Client, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run(client, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
    python = str(_program(folder, "python"))
    requirements, *node = client.pinned
    _run(client, [sys.executable, "-m", "pip", "--python", python, *_INSTALL, "-r", str(requirements)])
    if client.borrows_torch:  # behind its own packages, which are found first
        where = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        (Path(where.decode().strip()) / "torch.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    if node:
        for file in node:
            shutil.copy(file, folder)
        npm = str(_program(folder, "npm"))
        _run(client, [npm, "ci", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"])


def _program(folder: Path, name: str) -> Path:
    return folder / (f"Scripts/{name}.exe" if sys.platform == "win32" else f"bin/{name}")


def _run(client: Client, command: list[str]) -> None:
    first = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"  # npm is a script that looks for node
    done = subprocess.run(
        command, env={**os.environ, "PATH": first}, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode != 0:
        raise NotDriven(
            f"{client.name} WAS NOT DRIVEN: its environment could not be made; this needs a package index (PyPI, for "
            f"Node npm's too). {' '.join(command)} said:\n{(done.stderr or done.stdout)[-2000:]}"
        )
