"""A live engine of which more is asked than is read, files and streams: the rest of it answers."""

import json
import socket
import time
from contextlib import ExitStack, closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx2

from tests.engine.chatting import HI
from tests.fakes.ports import until
from tests.live_engine import LiveEngine
from tests.raw_http import request

MEGABYTES = 64  # more than the buffers on its way hold
THREADS = 8
LONG: dict[str, Any] = {
    "model": "tiny",
    "messages": HI,
    "max_tokens": 200,
    "n": 128,
    "logit_bias": {"0": -100, "2": -100},
}


def test_who_reads_no_file_to_its_end_leaves_threads_for_others(tiny_gguf: Path, tmp_path: Path) -> None:
    live = LiveEngine(tmp_path, tiny_gguf, ENGINE_THREADS=str(THREADS)).wait()
    try:
        form: dict[str, Any] = {
            "files": {"file": ("a.jsonl", b" " * MEGABYTES * 1024**2)},
            "data": {"purpose": "fine-tune"},
        }
        sent = httpx2.post(f"{live.url}/files", timeout=60, **form).json()
        place = f"/v1/files/{sent['id']}/content"
        with ExitStack() as clients:
            answers = [begin(clients, live.port, place) for _ in range(2 * THREADS)]
            assert httpx2.get(f"{live.url}/models", timeout=10).status_code == 200
            refused = [answer for answer in answers if answer.status == 503]
            assert [answer.status for answer in answers if answer not in refused] == [200]
            assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
            assert {json.loads(answer.read())["error"]["code"] for answer in refused} == {"server_is_overloaded"}
        until(lambda: httpx2.get(f"http://127.0.0.1:{live.port}{place}", timeout=60).status_code == 200)
    finally:
        live.end()


def test_who_reads_no_stream_to_its_end_does_so_too(tiny_gguf: Path, tmp_path: Path) -> None:
    live = LiveEngine(tmp_path, tiny_gguf, ENGINE_THREADS=str(THREADS)).wait()
    try:
        assert httpx2.post(f"{live.url}/chat/completions", json=LONG | {"n": 1}, timeout=60).status_code == 200
        with ExitStack() as clients:
            for _ in range(2 * THREADS):
                ask_at(clients, live.port, "POST /v1/chat/completions", json.dumps(LONG | {"stream": True}).encode())
            for _ in range(20):
                assert httpx2.get(f"{live.url}/models", timeout=10).status_code == 200
                time.sleep(0.1)
    finally:
        live.end()


def begin(clients: ExitStack, port: int, place: str) -> HTTPResponse:
    """Ask for a file, and read the head of the answer."""
    answer = clients.enter_context(closing(HTTPResponse(ask_at(clients, port, f"GET {place}"))))
    answer.begin()
    return answer


def ask_at(clients: ExitStack, port: int, call: str, body: bytes = b"") -> socket.socket:
    """Send a call, and read nothing."""
    client = clients.enter_context(socket.create_connection(("127.0.0.1", port), 20))
    client.sendall(request(call, "Content-Type: application/json", f"Content-Length: {len(body)}", body=body))
    return client
