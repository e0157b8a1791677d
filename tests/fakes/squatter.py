"""A program that listens on the engine's port, says that it is an engine and keeps all that it is sent."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import loopback
from services.failures import MARK
from wire import proof

EVIL = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"message": {"content": "evil"}}]}


class Squatter(ThreadingHTTPServer):
    """`passes_to`: the port of a real engine, to which it passes challenges on."""

    def __init__(self, port: int, passes_to: int | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.passes_to = passes_to
        self.heard: list[str] = []

    def handle_error(self, *_: object) -> None:
        """Keep quiet about a client that hung up on us, as it should."""

    @property
    def text(self) -> str:
        """All that it was sent."""
        return "\n".join(self.heard)

    def pass_on(self, challenge: str) -> str:
        """Return what the real engine answers."""
        with socket.create_connection(("127.0.0.1", self.passes_to or 0)) as connection:
            answer = loopback.post(connection, proof.PATH, b"", {proof.CHALLENGE: challenge}, 5)
            answer.close()
            return str(answer.headers[proof.PROOF])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Squatter

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.heard.append(f"{self.requestline}\n{self.headers}\n{sent.decode()}")
        challenge, answer = self.headers.get(proof.CHALLENGE, ""), json.dumps(EVIL).encode()
        self.send_response(200)
        self.send_header(MARK, "1")
        self.send_header(proof.PROOF, self.server.pass_on(challenge) if self.server.passes_to else challenge)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET


@contextmanager
def squatting(port: int, passes_to: int | None = None) -> Iterator[Squatter]:
    """Hold the port meanwhile."""
    squatter = Squatter(port, passes_to)
    threading.Thread(target=squatter.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield squatter
    finally:
        squatter.shutdown()
        squatter.server_close()
