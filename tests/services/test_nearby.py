"""Posts to an upstream on this machine: kept connections, and every way in which the other side can fail."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from services import nearby
from services.nearby import Nearby
from tests.fakes.ports import PATIENCE, free_port

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"
CHUNKED = CHUNKS + b"0\r\n\r\n"


class _Server:
    """Answers each request with the next of its replies; an empty one hangs up, None says nothing at all."""

    def __init__(self, replies: list[bytes | None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._replies = replies
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        while request := connection.recv(65536):
            self.requests.append(request)
            reply = self._replies.pop(0)
            if reply == b"":
                break
            connection.sendall(reply or b"")
            if reply and b"Connection: close" in reply:
                break
        connection.close()
        self.hung_up.set()


@pytest.fixture
def serve() -> Iterator[Callable[..., _Server]]:
    servers: list[_Server] = []

    def start(*replies: bytes | None) -> _Server:
        servers.append(_Server(list(replies)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def to(server: _Server, read: float = 5.0) -> Nearby:
    return Nearby(server.base_url, {"Authorization": "Bearer k"}, 5.0, read)


def ask(way: Nearby) -> bytes:
    answer = way.post("/chat/completions", b'{"a": 1}')
    try:
        return answer.read()
    finally:
        answer.close()


def test_a_request_is_one_packet_with_all_that_a_server_needs(serve: Callable[..., _Server]) -> None:
    server = serve(WHOLE)
    answer = to(server).post("/chat/completions", b'{"a": 1}')
    assert (answer.status_code, answer.headers["content-type"], answer.read()) == (200, "application/json", b"{}")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a": 1}'
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    host = server.base_url.removeprefix("http://").removesuffix("/v1").encode()
    wanted = (b"Host: " + host, b"Authorization: Bearer k", b"Content-Length: 8", b"Content-Type: application/json")
    assert set(wanted) < set(head.split(b"\r\n"))


def test_a_connection_whose_answer_was_read_serves_the_next_request(serve: Callable[..., _Server]) -> None:
    server = serve(WHOLE, CHUNKED, WHOLE)
    way = to(server)
    assert [ask(way), ask(way), ask(way)] == [b"{}", b"abcde", b"{}"]
    assert server.connections == 1


def test_an_answer_left_half_read_hangs_up(serve: Callable[..., _Server]) -> None:
    server = serve(CHUNKS, WHOLE)
    way = to(server)
    answer = way.post("/chat/completions", b"{}")
    assert next(answer.iter_bytes()) == b"abc"
    answer.close()
    assert server.hung_up.wait(PATIENCE)
    assert ask(way) == b"{}"
    assert server.connections == 2


def test_a_connection_that_the_server_gave_up_is_not_used_again(serve: Callable[..., _Server]) -> None:
    server = serve(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), WHOLE, WHOLE)
    way = to(server)
    assert [ask(way), ask(way)] == [b"{}", b"{}"]
    assert server.connections == 2


def test_a_server_that_hangs_up_without_saying_so_is_noticed(serve: Callable[..., _Server]) -> None:
    server = serve(WHOLE, WHOLE)
    way = to(server)
    assert ask(way) == b"{}"
    connection = way._idle[0][1]
    connection.shutdown(socket.SHUT_WR)  # the server reads the end, and closes
    assert server.hung_up.wait(PATIENCE)
    while nearby._stands(connection):
        time.sleep(0.001)
    assert ask(way) == b"{}"
    assert server.connections == 2


def test_an_idle_connection_is_not_trusted_for_long(
    serve: Callable[..., _Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(WHOLE, WHOLE)
    way = to(server)
    monkeypatch.setattr(nearby, "IDLE_SECONDS", 0.0)
    assert [ask(way), ask(way)] == [b"{}", b"{}"]
    assert server.connections == 2


def test_connections_that_a_burst_left_behind_are_closed(
    serve: Callable[..., _Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(WHOLE, WHOLE, WHOLE)
    way = to(server)
    burst = [way.post("/chat/completions", b"{}") for _ in range(2)]
    for answer in burst:
        answer.read()
    assert len(way._idle) == 2
    monkeypatch.setattr(nearby, "IDLE_SECONDS", 0.0)
    assert ask(way) == b"{}"
    assert (len(way._idle), server.connections) == (0, 3)


def test_nobody_there_is_a_failed_connection() -> None:
    with pytest.raises(httpx2.ConnectError):
        Nearby(f"http://127.0.0.1:{free_port()}/v1", {}, 5.0, 5.0).post("/x", b"{}")


def test_silence_is_a_timeout_before_the_answer_and_within(serve: Callable[..., _Server]) -> None:
    server = serve(None, CHUNKS)
    with pytest.raises(httpx2.ReadTimeout):
        ask(to(server, read=0.05))
    with pytest.raises(httpx2.ReadTimeout):
        ask(to(server, read=0.5))


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-nobody speaks HTTP here\r\n\r\n"])
def test_an_answer_that_is_none_is_a_failed_read(serve: Callable[..., _Server], reply: bytes) -> None:
    with pytest.raises(httpx2.ReadError):
        ask(to(serve(reply)))


@pytest.mark.parametrize("cut", [CHUNKS, WHOLE[:-1]])
def test_an_answer_cut_short_is_a_failed_read(serve: Callable[..., _Server], cut: bytes) -> None:
    cut = cut.replace(b"200 OK\r\n", b"200 OK\r\nConnection: close\r\n")
    with pytest.raises(httpx2.ReadError):
        ask(to(serve(cut)))


def test_a_path_of_any_letters_can_be_sent(serve: Callable[..., _Server]) -> None:
    server = serve(WHOLE)
    Nearby(f"{server.base_url}/模型 1/", {}, 5.0, 5.0).post("/x", b"{}").read()
    assert server.requests[0].startswith(b"POST /v1/%E6%A8%A1%E5%9E%8B%201/x HTTP/1.1\r\n")
