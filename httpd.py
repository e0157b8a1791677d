"""Runs a WSGI app under granian: one process that serves, one that watches it; both servers start through here."""

import errno
import multiprocessing
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from wsgiref.types import WSGIApplication

import unpickling

_GRACE_SECONDS = 10
# A serving process whose watcher was killed holds the port until it is given a moment of a core.
_PORT_SECONDS = 2.0


def serve(load: Callable[[], WSGIApplication], host: str, port: int, threads: int, way_out: str = "") -> int:
    """Serve the app that `load` makes until SIGTERM or Ctrl-C; return the exit code.

    `load` runs in the serving process and must be picklable where processes are not forked. A serving process that
    dies is started again. A port that is taken is said on stderr with the `way_out`, exit code 1.
    """
    try:
        address = _address_soon_free(host, port)
    except OSError as error:
        print(f"Cannot listen on {host}:{port}: {error.strerror or error}. {way_out}".rstrip(), file=sys.stderr)
        return 1
    from granian.constants import HTTPModes, Interfaces
    from granian.server import MPServer

    server = MPServer(
        "app",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        blocking_threads=threads,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_SECONDS,
        log_enabled=False,
    )
    server.serve(target_loader=_Served(load), wrap_loader=False)
    return 0


def wrong_host(setting: str, host: str) -> str:
    """Return what is wrong with `host`, the value of `setting`, and the way out; empty if one can listen there."""
    try:
        _free_address(host, 0)
    except (OSError, UnicodeError) as error:
        return (
            f"{setting} is '{host}', where this machine cannot listen: {getattr(error, 'strerror', None) or error}. "
            "Set 127.0.0.1 for this machine alone, 0.0.0.0 for its networks, or one of its own addresses."
        )
    return ""


class _Served:
    """Makes the app in the serving process and ties that process's life to the watching one's."""

    def __init__(self, load: Callable[[], WSGIApplication]) -> None:
        self._load = load

    def __call__(self, *_: object, **__: object) -> WSGIApplication:
        parent = multiprocessing.parent_process()
        if parent is not None:
            threading.Thread(target=_end_with, args=(parent,), name="watch parent", daemon=True).start()
        if hasattr(os, "setsid"):
            # Ctrl-C reaches a whole process group; the watching process alone must hear it and stop us gracefully.
            os.setsid()
        unpickling.refuse()  # not earlier: where processes are not forked, this one's own start is a pickle
        return self._load()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(0)


def _address_soon_free(host: str, port: int) -> str:
    """Return what `_free_address` does, which is asked again for a while as long as somebody listens there."""
    deadline = time.monotonic() + _PORT_SECONDS
    while True:
        try:
            return _free_address(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        time.sleep(0.05)


def _free_address(host: str, port: int) -> str:
    """Return the IP address of `host`, which granian wants, after trying that nobody else listens there."""
    family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)
    return str(where[0])
