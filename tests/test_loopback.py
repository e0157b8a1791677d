"""Heads of answers, as servers on this machine write them and as broken ones do."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import loopback


@contextmanager
def answered(reply: bytes) -> Iterator[http.client.HTTPResponse]:
    """The answer of a server that sends `reply` and hangs up."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        theirs.recv(65536)
        theirs.sendall(reply)
        theirs.shutdown(socket.SHUT_WR)

    server = threading.Thread(target=serve)
    server.start()
    try:
        with loopback.post(ours, "/v1/x", b"{}", {}, 5) as answer:
            yield answer
    finally:
        server.join()
        ours.close()
        theirs.close()


@pytest.mark.parametrize(
    ("head", "body", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\nConnection: Close\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"{}", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n", b"{}", False),
        (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\n", b"{}", False),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n", b"{}", False),
    ],
)
def test_where_the_body_ends_is_read_from_the_head(head: bytes, body: bytes, closes: bool) -> None:
    with answered(head + body) as answer:
        assert (answer.status, answer.will_close) == (200, closes)
        assert answer.read() == b"{}"


def test_an_answer_without_a_body_ends_at_once() -> None:
    with answered(b"HTTP/1.1 204 No Content\r\n\r\n") as answer:
        assert (answer.status, answer.reason, answer.read(), answer.will_close) == (204, "No Content", b"", False)


def test_fields_are_found_whatever_their_letters_and_repeated_ones_kept() -> None:
    fields = b"Retry-After:  5 \r\nX-A: \xe9\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    with answered(b"HTTP/1.1 429 Too Many\r\n" + fields) as answer:
        assert (answer.status, answer.reason) == (429, "Too Many")
        assert answer.headers["retry-after"] == "5"
        assert answer.headers.get_all("X-A") == ["\xe9", "2"]


@pytest.mark.parametrize(
    ("head", "refusal"),
    [
        (b"", http.client.RemoteDisconnected),
        (b"HTTP/1.1 200 OK\r\nContent-Le", http.client.RemoteDisconnected),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", http.client.RemoteDisconnected),
        (b"SSH-2.0-OpenSSH_9.2\r\n", http.client.BadStatusLine),
        (b"HTTP/2 200\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 OK\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 20 OK\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 \xb200 OK\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", http.client.HTTPException),
        (b"HTTP/1.1 200 OK\r\nX: folded\r\n onto: two\r\n\r\n", http.client.HTTPException),
        (b"HTTP/1.1 200 OK\r\nX : spaced\r\n\r\n", http.client.HTTPException),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000 + b"\r\n\r\n", http.client.LineTooLong),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n", http.client.HTTPException),
    ],
)
def test_what_is_no_head_is_refused(head: bytes, refusal: type[http.client.HTTPException]) -> None:
    with pytest.raises(http.client.HTTPException) as raised, answered(head):
        raise AssertionError("it was taken for an answer")
    assert raised.type is refusal
