"""The launcher: a taken port is said, a dead serving process is replaced, a killed launcher leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.fakes.ports import PATIENCE, free_port

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
    import os, pickle, sys, time
    import httpd

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/slow":
            return slow()
        if environ["PATH_INFO"] == "/long":
            return long()
        return [pickled() if environ["PATH_INFO"] == "/pickle" else b"here"]

    def pickled():
        try:
            return repr(pickle.loads(pickle.dumps(os.getcwd))).encode()
        except Exception as refusal:
            return type(refusal).__name__.encode()

    def slow():
        for number in range(5):
            yield b"%d" % number
            time.sleep(0.2)

    def long():
        try:
            while True:
                yield bytes(2**20)
        finally:
            print("left", flush=True)

    def load():
        httpd.leave_who_does_not_read(1)
        return app

    sys.exit(httpd.serve(load, sys.argv[2], int(sys.argv[1]), threads=4))
"""

# Lets a signal come while what it sets is being set, which else is a matter of microseconds.
SLOWLY_SET = """
    import threading, time

    def set_slowly(event):
        with event._cond:
            time.sleep(0.3)
            event._flag = True
            event._cond.notify_all()

    threading.Event.set = set_slowly
"""


@pytest.fixture
def port() -> int:
    return free_port()


def launch(port: int, host: str = "127.0.0.1", before: str = "") -> subprocess.Popen[bytes]:
    """Start the program above, with something done `before`."""
    program = [sys.executable, "-c", textwrap.dedent(before) + textwrap.dedent(PROGRAM), str(port), host]
    return subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def get(port: int, path: str = "/", seconds: float = PATIENCE) -> bytes:
    """Return a reply, waiting for the server to answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
                return bytes(reply.read())
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    running = launch(port)
    get(port)
    yield running
    running.terminate()
    running.communicate(timeout=PATIENCE)


def serving_process(server: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the process that answers."""
    [child] = [
        one for one in psutil.Process(server.pid).children() if "resource_tracker" not in " ".join(one.cmdline())
    ]
    return child


def test_what_is_served_unpickles_nothing(port: int, server: subprocess.Popen[bytes]) -> None:
    assert get(port, "/pickle") == b"UnpicklingRefused"


def test_a_taken_port_is_said_and_ends_the_start(server: subprocess.Popen[bytes], port: int) -> None:
    second = launch(port)
    _, said = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert f"127.0.0.1:{port}".encode() in said


def test_a_port_is_waited_for_that_whoever_was_killed_is_about_to_let_go(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        server = launch(port)
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(1)
    assert get(port) == b"here"
    server.terminate()
    server.communicate(timeout=20)


def test_a_dead_serving_process_is_replaced(server: subprocess.Popen[bytes], port: int) -> None:
    first = serving_process(server)
    first.kill()
    first.wait(PATIENCE)
    assert get(port) == b"here"
    assert serving_process(server).pid != first.pid


def test_a_killed_launcher_leaves_no_process_and_a_free_port(port: int) -> None:
    server = launch(port)
    get(port)
    served_by = serving_process(server)
    server.send_signal(signal.SIGKILL)
    server.communicate()
    served_by.wait(PATIENCE)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_stop_lets_running_answers_finish(server: subprocess.Popen[bytes], port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=10) as reply:
        assert reply.read(1) == b"0"
        os.kill(server.pid, signal.SIGTERM)
        assert reply.read() == b"1234"
    assert server.wait(PATIENCE) == 0


def test_a_stop_may_be_told_twice(port: int) -> None:
    server = launch(port, before=SLOWLY_SET)
    try:
        get(port)
        server.terminate()
        time.sleep(0.1)
        server.terminate()  # as `make` does, which is of one group with what it starts
        assert server.wait(PATIENCE) == 0
    finally:
        server.kill()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such bound")
def test_clients_that_read_nothing_hold_no_thread_for_ever(server: subprocess.Popen[bytes], port: int) -> None:
    time.sleep(0.2)  # what is accepted in the first moments is not bounded yet
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]  # more than there are threads
    for client in clients:
        client.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
    begun = time.monotonic()
    assert server.stdout is not None
    said = [server.stdout.readline() for _ in clients]  # of two threads at once: two words, and then both lines' ends
    assert b"".join(said).count(b"left") == len(clients)
    assert get(port) == b"here"
    assert 1 < time.monotonic() - begun < PATIENCE


def test_a_name_is_as_good_as_an_address(port: int) -> None:
    server = launch(port, "localhost")
    assert get(port) == b"here"
    server.terminate()
    server.communicate(timeout=PATIENCE)


def test_a_name_that_means_nothing_ends_the_start(port: int) -> None:
    server = launch(port, "no.such.host.invalid")
    _, said = server.communicate(timeout=PATIENCE)
    assert server.returncode == 1
    assert b"Cannot listen on no.such.host.invalid" in said
