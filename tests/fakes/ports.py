"""A free port of this machine, and patience until something answers there."""

import itertools
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil

PATIENCE = 180
"""Seconds: what only must come sometime may come late, beside other tests and on a slow machine."""


# Each worker of pytest-xdist has 2,000 ports of its own, below those that the system gives to whoever asks for any:
# between the look here and the server's start nobody else takes the port.
_FIRST = 12_000 + 2000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8)
_PORTS = itertools.cycle(range(_FIRST, _FIRST + 2000))
for _ in range(os.getpid() % 2000):  # as others on this machine do not
    next(_PORTS)


def free_port() -> int:
    """Return a port of loopback that nobody listens on; it is not returned again soon."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def until(true: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.02, longest: float = 0.2) -> Any:
    """Return the first truthy value of `true`; asked again after `pause`, then ever less often, for asking takes time
    from whoever is waited for."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(pause)
        pause = max(pause, min(pause * 1.1, longest))
    return found


def model_address(process: psutil.Process) -> str | None:
    """Return where a process serves a model, None if it does not."""
    try:
        return _served_at(process, process.cmdline())
    except (psutil.Error, OSError):  # it has ended
        return None


def _served_at(process: psutil.Process, words: list[str]) -> str | None:
    if "engine.serving.llamacpp" not in words or words[0].endswith("bwrap"):
        return None
    if psutil.LINUX:
        own = {link.readlink().name for link in Path(f"/proc/{process.pid}/fd").iterdir() if link.is_symlink()}
        listening = (path for inode, path, flags in _unix_sockets(process.pid) if flags and f"socket:[{inode}]" in own)
        return next((f"unix://{path}" for path in listening), None)
    ports = (one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN)
    return next((f"http://127.0.0.1:{port}" for port in ports), None)


def _unix_sockets(pid: int) -> Iterator[tuple[str, str, int]]:
    """Yield inode, path and flags (not 0: it listens) of model servers' sockets in the network of a process.

    Within walls a server listens in a network of its own; a connection to it is one of the network that it comes from.
    """
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines():
        if line.endswith("/s.sock"):
            *_, flags, _, _, inode, path = line.split()
            yield inode, path, int(flags, 16)


def model_server(main: psutil.Process) -> psutil.Process | None:
    """Return the process below `main` that serves a model."""
    return next((one for one in main.children(recursive=True) if model_address(one)), None)


def connections(llama: psutil.Process) -> int:
    """Return how many connections there are to a model server, accepted or not; 0 if it has ended."""
    address = model_address(llama)
    if address is None:
        return 0
    if address.startswith("unix:"):
        return sum(address.endswith(path) and not flags for _, path, flags in _unix_sockets(os.getpid()))
    port = int(address.rpartition(":")[2])
    return sum(bool(one.raddr) and one.raddr.port == port for one in psutil.net_connections("tcp"))


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def wait_until_answers(url: str, seconds: float = PATIENCE) -> float:
    """Return how many seconds it took; fail the test when it takes too long."""
    began = time.monotonic()
    until(lambda: answers(url), seconds, longest=0.02)
    return time.monotonic() - began


def wait_until_serving(server: Popen[Any], port: int, url: str, seconds: float = PATIENCE) -> float:
    """The same of one server: not of what is left for a moment of one that was killed, which still answers."""
    began = time.monotonic()

    def serves() -> bool:
        assert server.poll() is None, f"the server ended with {server.returncode}"
        # To ask whether anybody answers takes a twentieth of the time of asking who listens.
        return answers(url) and _listens(server, port) and answers(url)

    until(serves, seconds, longest=0.02)
    return time.monotonic() - began


def _listens(server: Popen[Any], port: int) -> bool:
    try:
        sockets = [one for child in psutil.Process(server.pid).children() for one in child.net_connections("tcp")]
    except psutil.Error:  # a child ended meanwhile
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)
