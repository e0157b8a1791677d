"""A webhook receiver on loopback that keeps what it got and answers as told; it verifies nothing."""

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request: its path, headers and raw body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def job_id(self) -> str:
        return str(json.loads(self.body)["data"]["id"])


Answer = Callable[[Received, "Handler"], int | None]


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that the receiver's `answer` returns; None: `answer` has written for itself."""

    receiver: "Receiver"

    def setup(self) -> None:
        self.receiver.connections += 1
        super().setup()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        got = Received(self.path, dict(self.headers), self.rfile.read(length))
        self.receiver.keep(got)
        status = self.receiver.answer(got, self)
        if status is not None:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Who sends may leave when it likes."""


class Receiver:
    """The server; `got` holds every request, in the order in which they came."""

    def __init__(
        self, answer: Answer = lambda *_: 200, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.answer = answer
        self.got: list[Received] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._server = _Server((host, 0), type("Bound", (Handler,), {"receiver": self}))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def host(self) -> str:
        """How WEBHOOK_ALLOWED_HOSTS names it."""
        return f"127.0.0.1:{self.port}"

    def keep(self, got: Received) -> None:
        with self._lock:
            self.got.append(got)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
