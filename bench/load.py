"""Keeps a number of connections busy with one request each and tells how soon answers came; one thread, no library.

It spends some 30 microseconds an answer, so that what it measures is the server's time.
"""

import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from statistics import quantiles

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_READ_BYTES = 65536
DRAIN_SECONDS = 30.0  # for what was asked before the end


@dataclass
class Load:
    """What came of it: the seconds of each right answer, when it `began` and the last of them came, and wrong ones."""

    took: list[float] = field(default_factory=list)
    wrong: int = 0
    began: float = 0.0
    last: float = 0.0

    @property
    def rate(self) -> float:
        """Right answers a second, until the last was there; what never came makes none of the others slower."""
        return len(self.took) / (self.last - self.began) if self.took else 0.0

    def percentile(self, share: int) -> float:
        """The seconds within which `share` per cent of the answers came."""
        return quantiles(self.took, n=100)[share - 1] if len(self.took) > 1 else max(self.took, default=float("inf"))


class _Connection:
    """One connection and the answer that comes over it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked = 0.0
        self.held = b""

    def ask(self, request: bytes) -> None:
        """Send a request, which must fit the socket's buffer."""
        self.held, self.asked = b"", time.perf_counter()
        self.socket.sendall(request)

    def whole(self) -> bool:
        """Read what is there; whether the answer is complete. Raises ConnectionError at an early end."""
        piece = self.socket.recv(_READ_BYTES)
        if not piece:
            raise ConnectionError("the server hung up")
        self.held += piece
        head, end, body = self.held.partition(b"\r\n\r\n")
        if not end:
            return False
        length = _LENGTH.search(head)
        return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


def request(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (told | (headers or {})).items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def drive(port: int, asked: bytes, expected: bytes, connections: int, seconds: float) -> Load:
    """Ask over so many connections for so long; an answer is right if it is a 200 that holds `expected`.

    What was asked before the end is waited for: a slow server is given its due.
    """
    load, selector = Load(), selectors.DefaultSelector()
    for _ in range(connections):
        one = _Connection(port)
        selector.register(one.socket, selectors.EVENT_READ, one)
    load.began = time.perf_counter()
    end = load.began + seconds
    for key in selector.get_map().values():
        key.data.ask(asked)
    open_ = connections
    while open_ and time.perf_counter() < end + DRAIN_SECONDS:
        for key, _ in selector.select(0.1):
            if not _turn(key.data, load, asked, expected, end):
                selector.unregister(key.data.socket)
                key.data.socket.close()
                open_ -= 1
    for key in [*selector.get_map().values()]:
        load.wrong += 1
        key.data.socket.close()
    return load


def _turn(one: _Connection, load: Load, asked: bytes, expected: bytes, end: float) -> bool:
    """Take what has come and ask again; False at the end of the time or of the connection."""
    try:
        if not one.whole():
            return True
    except OSError:
        load.wrong += 1
        return False
    now = time.perf_counter()
    if not (one.held.startswith(b"HTTP/1.1 200") and expected in one.held):
        load.wrong += 1
    else:
        load.took.append(now - one.asked)
        load.last = now
    if now > end:
        return False
    one.ask(asked)
    return True
