"""Runs a WSGI app under granian: one process that serves, one that watches it; both servers start through here."""

import _thread
import errno
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import unpickling
from gate.arrival import HANG_UP, Headers

_GRACE_SECONDS = 10
# A serving process whose watcher was killed holds the port until it is given a moment of a core.
_PORT_SECONDS = 2.0
# What a head may take, and what a connection may idle between two calls: neither holds a thread.
_HEAD_MILLISECONDS = 30_000
# How long what was sent may be left unread; nginx waits as long.
UNREAD_SECONDS = 60
# Time for an answer to leave before its connection is cut.
_FLUSH_SECONDS = 0.05
# How long a stream may go on after the stop; more of the grace is for what comes after.
STREAM_SECONDS = 5.0
_at_stop: list[tuple[float, Callable[[], None]]] = []
_stopping = threading.Event()


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
    from granian.http import HTTP1Settings
    from granian.server import MPServer

    class Server(MPServer):
        signal_handler_interrupt = _interrupt

    server = Server(
        "app",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS),
        websockets=False,
        blocking_threads=threads,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_SECONDS,
        log_enabled=False,
    )
    server.serve(target_loader=_Served(load), wrap_loader=False)
    return 0


def at_stop(call: Callable[[], None], after: float = 0) -> None:
    """Have `call` made in this process `after` seconds once it is told to stop; answers in hand are still given.

    If it is stopping already, `call` is made at once, and may be made twice.
    """
    _at_stop.append((after, call))
    if _stopping.is_set():
        call()


def leave_who_does_not_read(seconds: int = UNREAD_SECONDS) -> None:
    """Have the system end connections of this process whose client reads nothing for so long.

    An answer that is not read waits on a thread of ours. Connections have this from the socket that listens, which
    granian makes once the app is there and shows nobody. Only Linux can do it. A server that another of ours reads, no
    faster than its own clients do, is to wait for longer than that one.
    """
    threading.Thread(target=_leave_who_does_not_read, args=(seconds,), name="bound writes", daemon=True).start()


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
        _hear_stop()
        _lend_way_back()
        return self._load()


def _interrupt(server: Any, *_: object, **__: object) -> None:
    """Hear a signal in the watching process, as often as it comes: `make` passes SIGTERM on to who has it already.

    granian's own handler sets an event whose lock may be held by what the signal breaks into: the process would wait
    for itself for ever. The event is cleared where a dead process is replaced, so it is set until all has ended.
    """
    if not server.interrupt_signal:
        server.interrupt_signal = True
        _thread.start_new_thread(_keep_setting, (server.main_loop_interrupt,))


def _keep_setting(event: threading.Event) -> None:
    while True:
        event.set()
        time.sleep(0.1)


def _hear_stop() -> None:
    """Call what waits for the stop; granian tells its threads nothing, only accepts no more."""
    hearing, telling = socket.socketpair()
    telling.setblocking(False)
    signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)

    def hear() -> None:
        with telling:  # closed, it would tell nothing, and a second signal would be an error
            while not {signal.SIGTERM, signal.SIGINT} & {*hearing.recv(64)}:
                pass
            stopped = time.monotonic()
            _stopping.set()
            for after, call in sorted(_at_stop, key=itemgetter(0)):
                time.sleep(max(0.0, stopped + after - time.monotonic()))
                call()
            while hearing.recv(64):
                pass

    threading.Thread(target=hear, name="stop", daemon=True).start()


def _lend_way_back() -> None:
    """Let every call's environ have HANG_UP: granian's WSGI has no other end for a body that does not come."""
    from granian.server import mp

    names: dict[str, Any] = vars(mp)
    wrap = names["_wsgi_call_wrap"]

    def wrap_with_way_back(app: WSGIApplication, *options: Any) -> Callable[[Any, dict[str, Any]], int]:
        answer = wrap(app, *options)

        def run(protocol: Any, scope: dict[str, Any]) -> int:
            scope[HANG_UP] = partial(_hang_up, protocol)
            return int(answer(protocol, scope))

        return run

    names["_wsgi_call_wrap"] = wrap_with_way_back


def _leave_who_does_not_read(seconds: int) -> None:
    option, opened = getattr(socket, "TCP_USER_TIMEOUT", None), Path("/proc/self/fd")
    while option is not None and opened.is_dir():
        for one in filter(Path.is_socket, opened.iterdir()):
            if _bound(int(one.name), option, seconds):
                return
        time.sleep(0.05)


def _bound(number: int, option: int, seconds: int) -> bool:
    """Set the option if the descriptor is of a socket that listens to the network, and return whether it is."""
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
        listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and one.family != socket.AF_UNIX
        if listens:
            one.setsockopt(socket.IPPROTO_TCP, option, seconds * 1000)
        return bool(listens)
    return False


def _hang_up(protocol: Any, status: int, headers: Headers, body: bytes) -> None:
    """Answer in the app's place; the answer lacks a byte of its length, at which hyper ends the connection.

    That ends a read that waits for the body, too; nothing else does. What the app answers afterwards is dropped.
    """
    length = ("Content-Length", str(len(body) + 1))
    protocol.response_iter(status, [*headers, length], _CutShort(body))


class _CutShort:
    """A body that ends a moment after it has left."""

    def __init__(self, body: bytes) -> None:
        self._left = [body]

    def __next__(self) -> bytes:
        if self._left:
            return self._left.pop()
        time.sleep(_FLUSH_SECONDS)
        raise StopIteration

    def close(self) -> None:
        """Nothing is held."""


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
