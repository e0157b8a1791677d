"""A server that is told to stop tells those who still read a stream, and is gone within its ten seconds."""

import json
import signal
import socket
import time
from collections.abc import Generator
from typing import Any

import pytest
import requests

from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.service import Service
from tests.raw_http import request
from wire import sse


def test_a_stream_whose_upstream_is_silent_ends_with_an_event_that_says_why(upstream: FakeOpenAI) -> None:
    upstream.gap = 60
    service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x").wait()
    try:
        asked: dict[str, Any] = {"text": "Hi", "stream": True}
        with requests.post(f"{service.url}/chat", json=asked, stream=True, timeout=30) as reply:
            lines = reply.iter_lines()
            assert b'"role": "assistant"' in next(lines)
            begun = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            *_, last = (line for line in lines if line)
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "server_stopping"
        assert service.process.wait(20) == 0
        assert time.monotonic() - begun < 12
    finally:
        service.end()


def test_a_body_that_does_not_come_does_not_hold_up_a_stop(upstream: FakeOpenAI) -> None:
    service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x", BODY_TIMEOUT="20").wait()
    try:
        with socket.create_connection(("127.0.0.1", service.port), 20) as connection:
            connection.sendall(request("POST /chat", "Content-Type: application/json", "Content-Length: 99", body=b"{"))
            time.sleep(0.5)
            begun = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert b" 408 " in connection.recv(65536)
        assert service.process.wait(20) == 0
        assert time.monotonic() - begun < 8, "killed at ten"
    finally:
        service.end()


@pytest.mark.parametrize(("passed", "codes"), [(2, ["server_stopping"]), (0, ["server_stopping"]), (9, [])])
def test_events_pass_until_it_is_over(passed: int, codes: list[str]) -> None:
    closed, left = [], iter(range(passed))

    def events() -> Generator[bytes, None, None]:
        try:
            yield from (b"data: {}\n\n" for _ in range(5))
        finally:
            closed.append(True)

    found = list(sse.until(lambda: next(left, None) is None, sse.Started(events())))
    told = [json.loads(event.removeprefix(b"data: ")) for event in found]
    assert told == [{}] * min(passed, 5) + [one for one in told if "error" in one]
    assert [one["error"]["code"] for one in told if "error" in one] == codes
    assert closed == [True]
