"""A web page that tries all a page can do to servers on its visitor's machine, and the server it comes from.

`flip` makes that server's name lead to another port of this machine from then on, as DNS rebinding does: the page keeps
its origin, and what it asks of it reaches somebody else.
"""

import contextlib
import socket
import threading
from pathlib import Path

PAGE = Path(__file__).with_suffix(".html").read_bytes()


class HostileServer:
    """Serves the page on every path, until it is told to hand all connections on to `flip`."""

    def __init__(self) -> None:
        self.flip: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(visitor,), daemon=True).start()

    def _answer(self, visitor: socket.socket) -> None:
        with visitor, contextlib.suppress(OSError):
            asked = visitor.recv(65536)  # not earlier: a browser opens connections that it has no use for yet
            if self.flip is not None:
                _hand_on(visitor, self.flip, asked)
                return
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n"
            visitor.sendall(f"{head}Connection: close\r\n\r\n".encode() + PAGE)


def _hand_on(visitor: socket.socket, port: int, asked: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as victim:
        victim.sendall(asked)
        back = threading.Thread(target=_copy, args=(victim, visitor), daemon=True)
        back.start()
        _copy(visitor, victim)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
