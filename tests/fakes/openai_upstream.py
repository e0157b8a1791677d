"""An OpenAI upstream on loopback: recorded shapes, faults on demand, and a log of every request it got."""

import json
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.openai_account import (
    ANSWER,
    CHAT_ID,
    CHECKPOINT,
    FILE_ID,
    FINE_TUNED,
    JOB_ID,
    ORGANIZATION,
    PIECES,
    RESULT,
    RESULT_ID,
    Account,
    Seen,
    answer,
    chunk,
)

__all__ = [
    "ANSWER",
    "CHAT_ID",
    "CHECKPOINT",
    "FILE_ID",
    "FINE_TUNED",
    "JOB_ID",
    "ORGANIZATION",
    "PIECES",
    "RESULT",
    "RESULT_ID",
    "FakeOpenAI",
    "Fault",
    "Seen",
    "refusal",
]


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong; with `after_work` the upstream has done what it was asked before that.

    kind: `status` (an error object, or `raw` as it stands), `drop` (the connection), `hang` (`seconds`), `raw` (200
    with a body of our choice), `cut` (a stream that ends after `pieces` chunks, the connection closed), `wire` (`raw`,
    then `more` `repeat` times with a `gap` before each, then `seconds` of silence: no HTTP but what stands there).
    `meanwhile` is called before anything is answered; with `late` the work is done after that.
    """

    kind: str
    status: int = 500
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    seconds: float = 0.0
    pieces: int = 1
    after_work: bool = False
    late: bool = False
    meanwhile: Callable[[], None] = lambda: None
    more: bytes = b""
    repeat: int = 0
    gap: float = 0.0
    reset: bool = False


def refusal(status: int, message: str, code: str | None, type: str = "invalid_request_error", **headers: str) -> Fault:
    """A failure in OpenAI's error object; header names are given with underscores."""
    error = {"message": message, "type": type, "param": None, "code": code}
    return Fault("status", status, error, {name.replace("_", "-"): value for name, value in headers.items()})


class FakeOpenAI(Account):
    """The server; `fail` queues faults for a call such as `POST /v1/files`."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.gap = 0.0
        self.streams_left_by_client = threading.Semaphore(0)
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, call: str, *faults: Fault) -> None:
        """Let the next requests of `call` go wrong, one after another."""
        self._faults[call].extend(faults)

    def count(self, call: str) -> int:
        """How many requests of `call` arrived."""
        return sum(f"{one.method} {one.path}" == call for one in self.seen)

    def last(self, call: str) -> Seen:
        """The latest request of `call`."""
        return next(one for one in reversed(self.seen) if f"{one.method} {one.path}" == call)

    def note(self, seen: Seen) -> Fault | None:
        """Log a request; return the fault that awaits it."""
        with self.lock:
            self.seen.append(seen)
            waiting = self._faults[f"{seen.method} {seen.path}"]
            return waiting.popleft() if waiting else None


class _Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the test's output clean of clients that left."""


class _Handler(BaseHTTPRequestHandler):
    fake: FakeOpenAI
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        url = urlsplit(self.path)
        seen = Seen(
            self.command,
            unquote(url.path),
            parse_qs(url.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            self._read_body(),
        )
        fault = self.fake.note(seen)
        if fault is None or fault.after_work or fault.kind == "cut":
            reply = answer(self.fake, seen)
        if fault is not None:
            fault.meanwhile()
        if fault is not None and fault.kind != "cut":
            self._go_wrong(fault)
            if fault.late:
                answer(self.fake, seen)
        elif reply[0] == 200 and seen.path == "/v1/chat/completions" and seen.json.get("stream"):
            self._stream(seen.json["model"], fault.pieces if fault else None)
        else:
            is_file = isinstance(reply[1], bytes)
            body = reply[1] if isinstance(reply[1], bytes) else json.dumps(reply[1]).encode()
            self._send(
                reply[0], body, {"x-request-id": "req_fake"} | ({"Content-Type": "text/plain"} if is_file else {})
            )

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _go_wrong(self, fault: Fault) -> None:
        if fault.kind == "hang":
            time.sleep(fault.seconds)
        if fault.kind in ("hang", "drop"):
            self.close_connection = True
        elif fault.kind == "wire":
            self._write(fault)
        elif fault.kind == "status":
            body = fault.raw or json.dumps({"error": fault.error}).encode()
            self._send(fault.status, body, fault.headers | {"Connection": "close"})
        else:
            self._send(200, fault.raw, fault.headers | {"Connection": "close"})

    def _write(self, fault: Fault) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.sendall(fault.raw)
            for _ in range(fault.repeat):
                time.sleep(fault.gap)
                self.connection.sendall(fault.more)
            if fault.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            time.sleep(fault.seconds)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, model: str, pieces: int | None) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        chunks = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in PIECES), {}]
        try:
            for delta in chunks[:pieces]:
                self.wfile.write(chunk(model, delta, last=not delta))
                self.wfile.flush()
                time.sleep(self.fake.gap)
            if pieces is None:
                self.wfile.write(b"data: [DONE]\n\n")
            else:
                self.wfile.write(b'data: {"id": "chatcm')
        except OSError:
            self.fake.streams_left_by_client.release()
