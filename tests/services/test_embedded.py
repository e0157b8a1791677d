"""The supervisor with real child processes: it starts, adopts, restarts, gives up, and leaves nobody behind."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import lifeline
from services.embedded import EmbeddedEngine, Patience
from tests.fakes.ports import answers, free_port, until, wait_until_answers
from wire.errors import Unavailable

QUICK = Patience(call=10, start=10, stop=5, tick=0.02, watch=0.05, first_pause=0.01, most_starts=3)
OURS = "the-key-of-ours"
Start = Callable[..., EmbeddedEngine]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(port: int) -> Iterator[Start]:
    started: list[EmbeddedEngine] = []

    def begin(mode: str = "ok", patience: Patience = QUICK, secret: str = "") -> EmbeddedEngine:
        engine = EmbeddedEngine("127.0.0.1", port, secret, ("tests.fakes.tiny_engine", str(port), mode), patience)
        started.append(engine)
        engine.start()
        return engine

    yield begin
    for engine in started:
        engine.stop()


def pid_of(engine: EmbeddedEngine) -> int:
    asked = urllib.request.Request(f"{engine.base_url}/models", headers={"Authorization": f"Bearer {engine.secret}"})
    try:
        with urllib.request.urlopen(asked, timeout=5) as reply:
            return int(json.load(reply)["data"][0]["id"])
    except OSError:
        return 0


def another_engine(port: int, key: str = OURS) -> "subprocess.Popen[bytes]":
    other = lifeline.spawn(("tests.fakes.tiny_engine", str(port)), subprocess.DEVNULL, ENGINE_API_KEY=key)
    wait_until_answers(f"http://127.0.0.1:{port}/v1/models")
    return other


def problem(engine: EmbeddedEngine) -> str:
    try:
        engine.require()
    except Unavailable as unavailable:
        return unavailable.message
    return ""


def test_a_call_waits_for_the_engine_that_is_starting(start: Start) -> None:
    engine = start()
    engine.require()
    assert pid_of(engine) != os.getpid()


def test_an_engine_that_dies_is_started_again(start: Start) -> None:
    engine = start()
    engine.require()
    first = pid_of(engine)
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(engine) not in (0, first))
    engine.require()


def test_stopping_ends_the_engine(start: Start) -> None:
    engine = start()
    engine.require()
    engine.stop()
    assert not answers(f"{engine.base_url}/models")


def test_a_living_engine_is_adopted_and_left_alone(start: Start, port: int) -> None:
    other = another_engine(port)
    engine = start(secret=OURS)
    engine.require()
    assert pid_of(engine) == other.pid
    engine.stop()
    assert pid_of(engine) == other.pid
    lifeline.release(other, 5)


def test_an_adopted_engine_that_goes_is_replaced_by_our_own(start: Start, port: int) -> None:
    other = another_engine(port)
    engine = start(secret=OURS)
    engine.require()
    lifeline.release(other, 5)
    until(lambda: pid_of(engine) not in (0, other.pid))


def test_a_port_taken_by_something_else_is_said(start: Start, port: int) -> None:
    other = lifeline.spawn(("tests.fakes.tiny_engine", str(port), "stranger"), subprocess.DEVNULL)
    wait_until_answers(f"http://127.0.0.1:{port}/v1/models")
    engine = start()
    assert f"Port {port} is taken" in problem(engine)
    assert "ENGINE_PORT" in problem(engine)
    lifeline.release(other, 5)
    until(lambda: problem(engine) == "")
    assert pid_of(engine) != other.pid


def test_a_port_that_is_silent_at_first_may_be_a_busy_engine(start: Start, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        engine = start(patience=replace(QUICK, call=0.5, probe=0.05))
        assert "still starting" in problem(engine)
    until(lambda: problem(engine) == "")
    assert pid_of(engine) not in (0, os.getpid())


def test_a_port_that_stays_silent_is_said(start: Start, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        engine = start(patience=replace(QUICK, start=3, probe=0.05))
        assert f"Port {port} is taken" in problem(engine)
        assert "does not answer" in problem(engine)
    until(lambda: problem(engine) == "")


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9528/v1"),
        ("0.0.0.0", "http://127.0.0.1:9528/v1"),
        ("::1", "http://[::1]:9528/v1"),
        ("localhost", "http://localhost:9528/v1"),
    ],
)
def test_the_base_url_is_one_for_every_kind_of_host(host: str, base_url: str) -> None:
    assert EmbeddedEngine(host, 9528).base_url == base_url


def test_an_engine_that_cannot_start_is_given_up_with_its_reason(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    engine = start("broken")
    assert "the base model is missing" in problem(engine)
    with pytest.raises(Unavailable, match="gave up after 3 tries") as failed:
        engine.require()
    assert (failed.value.code, failed.value.headers) == ("engine_failed", {})
    assert [record.levelno for record in caplog.records if "gave up" in record.message] == [logging.ERROR]


def test_after_giving_up_an_engine_started_by_hand_is_adopted(start: Start, port: int) -> None:
    engine = start("broken", secret=OURS)
    assert "gave up" in problem(engine)
    other = another_engine(port)
    until(lambda: problem(engine) == "")
    assert pid_of(engine) == other.pid
    lifeline.release(other, 5)


@pytest.mark.parametrize("key", ["theirs", ""])
def test_an_engine_without_our_key_is_not_used(start: Start, port: int, key: str) -> None:
    other = another_engine(port, key)
    engine = start()
    assert "another key" in problem(engine)
    lifeline.release(other, 5)
    until(lambda: problem(engine) == "")


def test_each_engine_that_is_started_gets_a_key_of_its_own() -> None:
    assert EmbeddedEngine("127.0.0.1", 9528).secret != EmbeddedEngine("127.0.0.1", 9528).secret
    assert EmbeddedEngine("127.0.0.1", 9528, "ours").secret == "ours"


def test_a_call_does_not_wait_for_ever(start: Start) -> None:
    engine = start("mute", Patience(call=0.1, start=30, stop=5, tick=0.02))
    with pytest.raises(Unavailable, match="still starting") as refused:
        engine.require()
    assert (refused.value.status, refused.value.code) == (503, "engine_unavailable")
    assert refused.value.headers["Retry-After"] == "5"


def test_the_engine_ends_when_the_service_is_killed(port: int) -> None:
    parent = (
        "import time\n"
        "from services.embedded import EmbeddedEngine\n"
        f"engine = EmbeddedEngine('127.0.0.1', {port}, '', ('tests.fakes.tiny_engine', '{port}'))\n"
        "engine.start(); engine.require(); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=lifeline.PROJECT_ROOT)
    wait_until_answers(f"http://127.0.0.1:{port}/v1/models")
    process.kill()
    process.wait()
    until(lambda: not answers(f"http://127.0.0.1:{port}/v1/models"))


def test_the_engine_ends_when_the_main_thread_of_the_service_does(port: int) -> None:
    parent = (
        "from services.embedded import EmbeddedEngine\n"
        f"engine = EmbeddedEngine('127.0.0.1', {port}, '', ('tests.fakes.tiny_engine', '{port}'))\n"
        "engine.start(); engine.require(); print('ready')\n"
    )
    done = subprocess.run([sys.executable, "-c", parent], cwd=lifeline.PROJECT_ROOT, timeout=20, capture_output=True)
    assert done.stdout == b"ready\n"
    assert not answers(f"http://127.0.0.1:{port}/v1/models")


def test_the_engines_lines_are_among_ours(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def spoke() -> bool:
        said.append(capsys.readouterr().err)
        return "tiny engine is up\n" in "".join(said)

    start().require()
    until(spoke)


def test_the_engine_goes_on_when_nobody_reads_our_stderr(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    unread = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stderr", unread)
    engine = start("loud")
    engine.require()
    assert pid_of(engine) not in (0, os.getpid())
    with pytest.raises(BrokenPipeError):
        unread.close()
