"""`python app.py`, live: how it starts, what it takes, how it ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import requests

from gate import KeyFile
from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.ports import PATIENCE, answers, free_port, until
from tests.fakes.service import ROOT, Service

LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
FORM = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jsonl"\r\n\r\n' + LINE + b"\r\n--b--\r\n"
MULTIPART = "multipart/form-data; boundary=b"
Start = Callable[..., Service]


@pytest.fixture
def start(upstream: FakeOpenAI) -> Iterator[Start]:
    started: list[Service] = []

    def begin(**settings: str) -> Service:
        started.append(Service(**{"OPENAI_BASE_URL": upstream.base_url, **settings}))
        return started[-1]

    yield begin
    for service in started:
        service.end()


def stream(service: Service) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    body = json.dumps({"text": "Hi", "stream": True})
    connection.request("POST", "/chat", body, {"Content-Type": "application/json"})
    return connection.getresponse()


def send_raw(service: Service, head: str, body: bytes, *, stop_sending: bool = True) -> tuple[int, dict[str, object]]:
    """Send bytes as they are, end our side, and return the reply's status and body."""
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=10)) as raw:
        raw.sendall(f"POST /upload_files HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body)
        if stop_sending:
            raw.shutdown(socket.SHUT_WR)
        reply = http.client.HTTPResponse(raw)
        reply.begin()
        return reply.status, json.loads(reply.read())


def test_it_says_where_it_listens_and_which_upstream_it_uses(start: Start, upstream: FakeOpenAI) -> None:
    service = start().wait()
    requests.get(f"{service.url}/metrics", timeout=PATIENCE).raise_for_status()  # it is whole
    said = service.end()
    assert f"listens on {service.url}" in said
    assert upstream.base_url in said


def test_it_serves_though_nobody_reads_what_it_says(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(Service, "output", writer)
    start().wait()
    os.close(writer)


def test_it_answers_soon_and_stays_small(start: Start) -> None:
    """The bar is 120 MB; how soon is measured by bench/start.py, and has room here for a busy machine."""
    service = start().wait()
    assert service.seconds_to_status < 10
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.request("POST", "/chat", json.dumps({"text": "Hi"}), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    family = service.family()
    assert sum(process.memory_info().rss for process in family) < 120e6
    assert not any("torch" in region.path for process in family for region in process.memory_maps())


def test_it_answers_soon_with_the_embedded_engine_too(start: Start, tmp_path: Path, base_gguf: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path), "BASE_MODEL": str(base_gguf.resolve()), "ENGINE_PORT": str(free_port())}
    service = start(OPENAI_API_KEY="", OPENAI_BASE_URL="", **settings).wait()
    assert service.seconds_to_status < 10


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "http"),
        ("THREADS", "1"),
        ("UPSTREAM_TIMEOUT", "soon"),
        ("LOG_LEVEL", "LOUD"),
        ("OPENAI_BASE_URL", "gpu-box:9528"),
        ("HOST", "no-such-host.invalid"),
        ("HOST", "192.0.2.1"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(start: Start, setting: str, value: str) -> None:
    _expect_refusal(start(**{setting: value}), setting, value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BASE_MODEL", "nope"),
        ("MODEL_ALIASES", "gpt-4o-mini=nope"),
        ("DATA_DIR", str(ROOT / "README.md")),
        ("CONTEXT_TOKENS", "many"),
        ("CONTEXT_TOKENS", "131072"),
        ("ENGINE_HOST", "no-such-host.invalid"),
        ("ENGINE_HOST", "192.0.2.1"),
    ],
)
def test_a_wrong_setting_of_the_embedded_engine_stops_it_too(start: Start, setting: str, value: str) -> None:
    _expect_refusal(start(OPENAI_API_KEY="", OPENAI_BASE_URL="", **{setting: value}), setting, value)


@pytest.mark.parametrize("setting", ["HOST", "ENGINE_HOST"])
def test_an_address_that_others_reach_is_refused_without_a_key(start: Start, setting: str, tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path), "ENGINE_PORT": str(free_port()), setting: "0.0.0.0"}
    _expect_refusal(start(OPENAI_API_KEY="", OPENAI_BASE_URL="", **settings), setting, "make key")
    KeyFile(tmp_path / "keys.sqlite3").make("admin", frozenset({"admin"}))
    _expect_refusal(start(OPENAI_API_KEY="", OPENAI_BASE_URL="", **settings), setting, "ALLOWED_HOSTS")


def test_with_a_key_the_service_may_be_reached_by_others(start: Start, tmp_path: Path) -> None:
    token, _ = KeyFile(tmp_path / "keys.sqlite3").make("admin", frozenset({"admin"}))
    service = start(DATA_DIR=str(tmp_path), HOST="0.0.0.0", ALLOWED_HOSTS="intranet.example").wait()
    named = {"Host": "intranet.example", "Authorization": f"Bearer {token}"}
    assert requests.get(f"{service.url}/status", headers=named, timeout=10).ok
    assert requests.post(f"{service.url}/chat", json={}, headers=named, timeout=10).status_code == 400
    assert requests.post(f"{service.url}/chat", json={}, timeout=10).status_code == 401


def test_nobody_but_the_service_may_ask_the_engine_that_it_starts(
    start: Start, tmp_path: Path, base_gguf: Path
) -> None:
    port = free_port()
    settings = {"DATA_DIR": str(tmp_path), "BASE_MODEL": str(base_gguf.resolve()), "ENGINE_PORT": str(port)}
    service = start(OPENAI_API_KEY="", OPENAI_BASE_URL="", **settings).wait()
    assert until(lambda: requests.get(f"{service.url}/jobs", timeout=10).ok or None)
    assert requests.get(f"http://127.0.0.1:{port}/v1/models", timeout=10).status_code == 401


def test_both_servers_on_one_port_are_refused(start: Start) -> None:
    port = str(free_port())
    _expect_refusal(start(OPENAI_API_KEY="", OPENAI_BASE_URL="", PORT=port, ENGINE_PORT=port), "ENGINE_PORT", port)


def _expect_refusal(service: Service, setting: str, value: str) -> None:
    said = service.refusal()
    assert service.process.returncode == 2
    assert setting in said
    assert value in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("argument", "exit_code"), [("--help", 0), ("--port=8080", 2)])
def test_arguments_are_told_where_settings_are(argument: str, exit_code: int) -> None:
    done = subprocess.run([sys.executable, "app.py", argument], capture_output=True, text=True, timeout=20, cwd=ROOT)
    assert done.returncode == exit_code
    assert ".env.example" in done.stdout + done.stderr


def test_a_taken_port_is_one_clear_line(start: Start) -> None:
    first = start().wait()
    second = start(PORT=str(first.port))
    said = second.refusal()
    assert second.process.returncode == 1
    assert f"127.0.0.1:{first.port}" in said
    assert "set another PORT" in said
    assert len(said.splitlines()) == 1
    assert answers(f"{first.url}/status")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_even_while_it_streams(
    start: Start, upstream: FakeOpenAI, how: signal.Signals, whole_group: bool
) -> None:
    upstream.gap = 0.3
    service = start().wait()
    reply = stream(service)
    assert reply.readline().startswith(b"data: ")
    family = service.family()
    (os.killpg if whole_group else os.kill)(service.process.pid, how)
    assert service.process.wait(PATIENCE) == 0
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    assert b"[DONE]" in reply.read(), "an answer that is being written is finished first"


def test_a_killed_main_process_leaves_nobody_on_its_port(start: Start) -> None:
    service = start().wait()
    service.process.kill()
    service.process.wait()
    until(lambda: not answers(f"{service.url}/status"))


def test_a_killed_worker_is_replaced(start: Start) -> None:
    service = start().wait()
    _, worker = service.family()
    worker.kill()
    until(lambda: [one.pid for one in service.family()[1:]] not in ([], [worker.pid]))
    service.wait()


def test_the_embedded_engine_ends_with_a_killed_service(start: Start, tmp_path: Path, base_gguf: Path) -> None:
    port = free_port()
    settings = {"ENGINE_PORT": str(port), "DATA_DIR": str(tmp_path), "BASE_MODEL": str(base_gguf)}
    service = start(OPENAI_BASE_URL="", **settings).wait()
    until(lambda: answers(f"http://127.0.0.1:{port}/v1/models"))
    family = service.family()
    service.process.kill()
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))


def test_the_first_event_arrives_before_the_last_is_written(start: Start, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.5
    service = start().wait()
    began = time.monotonic()
    reply = stream(service)
    reply.readline()
    first = time.monotonic() - began
    assert b"[DONE]" in reply.read()
    assert time.monotonic() - began - first > 1.5


def test_a_client_that_leaves_closes_the_upstream(start: Start, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.2
    reply = stream(start().wait())
    reply.readline()
    reply.close()
    assert upstream.streams_left_by_client.acquire(timeout=PATIENCE)


def test_a_whole_upload_arrives_plain_and_chunked(start: Start, upstream: FakeOpenAI) -> None:
    service = start().wait()
    plain = f"Content-Type: {MULTIPART}\r\nContent-Length: {len(FORM)}"
    assert send_raw(service, plain, FORM, stop_sending=False)[0] == 200
    chunked = f"Content-Type: {MULTIPART}\r\nTransfer-Encoding: chunked"
    assert send_raw(service, chunked, b"%x\r\n%s\r\n0\r\n\r\n" % (len(FORM), FORM), stop_sending=False)[0] == 200
    assert all(LINE in seen.body for seen in upstream.seen)


@pytest.mark.parametrize("lost", [1, 4, 60])
def test_a_cut_upload_is_refused_and_nothing_goes_upstream(start: Start, upstream: FakeOpenAI, lost: int) -> None:
    service = start().wait()
    head = f"Content-Type: {MULTIPART}\r\nContent-Length: {len(FORM)}"
    try:
        status, body = send_raw(service, head, FORM[:-lost])
    except (http.client.HTTPException, ConnectionError):
        status, body = 400, {"response": {"code": "incomplete_upload"}}
    assert status == 400
    assert "incomplete_upload" in json.dumps(body)
    assert upstream.seen == []


def test_a_chunked_upload_without_its_end_is_refused(start: Start, upstream: FakeOpenAI) -> None:
    service = start().wait()
    cut = FORM[:-30]
    head = f"Content-Type: {MULTIPART}\r\nTransfer-Encoding: chunked"
    try:
        status, _ = send_raw(service, head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(cut), cut))
    except (http.client.HTTPException, ConnectionError):
        status = 400
    assert status == 400
    assert upstream.seen == []


def test_a_chunked_body_over_the_limit_is_413(start: Start, upstream: FakeOpenAI) -> None:
    service = start(MAX_UPLOAD_MB="1").wait()
    chunk = b" " * 512 * 1024
    for head in (f"Content-Type: {MULTIPART}", "Content-Type: application/json"):
        path = "/upload_files" if "multipart" in head else "/chat"
        many = 5 if "multipart" in head else 17
        command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "-H", head, "-H", "Transfer-Encoding: chunked"]
        body = (FORM[:80] if "multipart" in head else b'{"text": "') + b" " * (many * len(chunk))
        done = subprocess.run(
            [*command, "--data-binary", "@-", service.url + path], input=body, capture_output=True, timeout=30
        )
        assert done.stdout == b"413"
    assert upstream.seen == []
