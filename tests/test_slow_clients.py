"""Clients that send slowly, or stop, hold neither server up: over real sockets, through the launcher."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from bench import servers, slow_clients, streams
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault
from tests.fakes.ports import until
from tests.fakes.service import Service
from tests.live_engine import LiveEngine

THREADS = 4


@pytest.fixture(scope="module")
def engine(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveEngine]:
    settings = {"ENGINE_THREADS": str(THREADS), "BODY_TIMEOUT": "1"}
    engine = LiveEngine(tmp_path_factory.mktemp("slow"), tiny_gguf, **settings)
    try:
        yield engine.wait()
    finally:
        engine.end()


def begin(engine: LiveEngine, framing: str, body: bytes) -> socket.socket:
    """Send a call whose body never ends."""
    connection = socket.create_connection(("127.0.0.1", urlsplit(engine.url).port or 0), 10)
    fields = "Host: localhost", "Connection: close", "Content-Type: application/json", framing
    connection.sendall("\r\n".join(["POST /v1/chat/completions HTTP/1.1", *fields, "", ""]).encode() + body)
    return connection


def answer_to(connection: socket.socket) -> tuple[int, Any]:
    """Read to the end of the connection."""
    with connection, connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        return status, json.loads(stream.read().partition(b"\r\n\r\n")[2])


def test_slow_clients_neither_hold_the_service_nor_are_waited_for_for_long() -> None:
    """The short form of `python -m bench.slow_clients`; how quick `/status` is on an idle machine is told there."""
    found = slow_clients.measure(streams=3, slow=8, seconds=4, patience=1)
    assert [fault for fault in found.faults() if "/status" not in fault] == []
    assert max(found.statuses) < 3
    assert {"body 408", "chunks 408", "silence 408"} <= {*found.sent_away}


@pytest.mark.parametrize(
    ("framing", "body"),
    [("Content-Length: 9999", b'{"mod'), ("Content-Length: 10", b""), ("Transfer-Encoding: chunked", b"5\r\n{")],
    ids=["half a body", "no body", "half a chunk"],
)
def test_a_body_that_does_not_come_is_408_and_the_end_of_the_connection(
    engine: LiveEngine, framing: str, body: bytes
) -> None:
    begun = time.monotonic()
    status, told = answer_to(begin(engine, framing, body))
    assert (status, told["error"]["code"]) == (408, "request_timeout")
    assert 1 <= time.monotonic() - begun < 6


def test_threads_that_wait_for_bodies_are_free_again_soon(engine: LiveEngine) -> None:
    silent = [begin(engine, "Content-Length: 9999", b"{") for _ in range(3 * THREADS)]
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(engine.url).port, timeout=20)
    connection.request("GET", "/v1/models")
    assert connection.getresponse().status == 200
    assert time.monotonic() - begun < 5
    assert {answer_to(one)[0] for one in silent} == {408}


def test_downloads_that_nobody_reads_leave_threads_for_the_rest() -> None:
    upstream = FakeOpenAI()
    size = 40 * 2**20  # no buffer on the way takes it all
    upstream.fail(f"GET /v1/files/{FILE_ID}/content", *[Fault("raw", raw=bytes(size))] * THREADS)
    upstream.new_file("a.jsonl", size)
    service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x", THREADS=str(THREADS)).wait()
    try:
        url = f"{service.url}/files/{FILE_ID}/content"
        asked = [requests.get(url, stream=True, timeout=20) for _ in range(THREADS)]
        assert [one.status_code for one in asked] == [200] * (THREADS - 1) + [503]
        assert asked[-1].json()["response"]["code"] == "server_is_overloaded"
        assert asked[-1].headers["Retry-After"] == "1"
        assert requests.get(f"{service.url}/status", timeout=5).ok
        assert len(asked[0].content) == size
        for one in asked:
            one.close()
        assert requests.get(url, timeout=20).ok, "a place that was given back is there for the next"
    finally:
        service.end()
        upstream.close()


def test_an_upstream_that_is_silent_leaves_a_thread_for_status() -> None:
    upstream = FakeOpenAI()
    silent = [Fault("hang", seconds=8.0)] * (3 * THREADS)
    upstream.fail("GET /v1/fine_tuning/jobs/ftjob-none", *silent)
    service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x", THREADS=str(THREADS)).wait()
    try:
        ask = partial(requests.post, f"{service.url}/retrieve", json={"fine_tuning_job_id": "ftjob-none"}, timeout=30)
        with ThreadPoolExecutor(len(silent)) as callers:
            asked = [callers.submit(ask) for _ in silent]
            until(lambda: sum(one.done() for one in asked) == len(silent) - THREADS + 1)
            begun = time.monotonic()
            assert requests.get(f"{service.url}/status", timeout=20).ok
            assert time.monotonic() - begun < 2
            turned_away = {one.result().status_code for one in asked if one.done()}
        assert turned_away == {503}
        assert ask().status_code != 503, "places that were given back are there for the next"
    finally:
        service.end()
        upstream.close()


def test_all_streams_that_may_be_held_may_be_asked_for_in_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STREAMS", 300)  # more than a line of 256 and the places beside it
    with servers.stub(streams.CHUNKS, 0.2) as upstream:
        url = f"http://127.0.0.1:{upstream.port}/v1"
        with servers.ours(url, THREADS="8", STREAMS="300") as ours:
            held = streams.hold(ours, "/chat", "/status", seconds=4.0)
    assert held.whole == 300


def _begun(url: str) -> requests.Response | None:
    reply = requests.get(url, stream=True, timeout=20)
    return reply if reply.ok else None


def test_callers_that_hang_up_give_their_places_back() -> None:
    upstream = FakeOpenAI()
    size = 40 * 2**20
    upstream.fail(f"GET /v1/files/{FILE_ID}/content", *[Fault("raw", raw=bytes(size))] * THREADS)
    upstream.new_file("a.jsonl", size)
    service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x", THREADS=str(THREADS)).wait()
    try:
        for _ in range(THREADS):  # one place fewer than there are threads would not be enough, were they kept
            asked = until(lambda: _begun(f"{service.url}/files/{FILE_ID}/content"), 20)
            asked.close()
        until(lambda: requests.get(f"{service.url}/files/{FILE_ID}", timeout=20).ok, 20)
    finally:
        service.end()
        upstream.close()


def test_a_body_that_takes_longer_than_its_seconds_and_comes_fast_is_taken(engine: LiveEngine) -> None:
    asked = json.dumps({"model": "nope", "messages": [{"role": "user", "content": "x" * 400_000}]}).encode()
    connection = begin(engine, f"Content-Length: {len(asked)}", b"")
    for place in range(0, len(asked), 50_000):
        time.sleep(0.2)
        connection.sendall(asked[place : place + 50_000])
    assert answer_to(connection)[1]["error"]["code"] == "model_not_found"
