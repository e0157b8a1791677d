"""Bytes that two HTTP readers may understand in two ways are answered once at most, with a refusal."""

from collections.abc import Iterator

import pytest

from tests.fakes.service import Service
from tests.raw_http import chunked, converse, request, statuses

JSON = "Content-Type: application/json"
BODY = b'{"fine_tuning_job_id": "ftjob-none"}'
POST = "POST /retrieve"
# What one reader takes for the rest of a body, and another for the next request, which would be 200.
SMUGGLED = b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
HIDDEN = b"0\r\n\r\n" + SMUGGLED


def post(*fields: str, body: bytes = BODY) -> bytes:
    return request(POST, JSON, *fields, body=body)


def with_length(value: str) -> bytes:
    return post(f"Content-Length: {value}", body=BODY + SMUGGLED)


def with_coding(line: str) -> bytes:
    return post(line, f"Content-Length: {len(HIDDEN)}", body=HIDDEN)


VECTORS = {
    "length and chunks": post(f"Content-Length: {len(HIDDEN)}", "Transfer-Encoding: chunked", body=HIDDEN),
    "chunks and length": post("Transfer-Encoding: chunked", "Content-Length: 3", body=chunked(BODY) + SMUGGLED),
    "two lengths": post("Content-Length: 0", f"Content-Length: {len(BODY)}", body=BODY),
    "two lengths in one": with_length(f"{len(BODY)}, 0"),
    "a length with a sign": with_length(f"+{len(BODY)}"),
    "a length below zero": with_length("-1"),
    "a length in hexadecimal": with_length(hex(len(BODY))),
    "a length with a blank": with_length("3 6"),
    "a length that no machine holds": with_length("1" + "0" * 30),
    "an unknown coding": with_coding("Transfer-Encoding: xchunked"),
    "a coding after the chunks": with_coding("Transfer-Encoding: chunked, identity"),
    "a coding that is none": with_coding("Transfer-Encoding: identity"),
    "a coding before a blank": with_coding("Transfer-Encoding : chunked"),
    "a coding behind a tab": with_coding("Transfer-Encoding:\x0bchunked"),
    "a coding on the next line": with_coding("Transfer-Encoding:\r\n chunked"),
    "a coding behind a NUL": with_coding("Transfer-Encoding: \x00chunked"),
    "chunks twice": with_coding("Transfer-Encoding: chunked, chunked"),
    "a folded field": post("X-Folded: a\r\n Transfer-Encoding: chunked", f"Content-Length: {len(HIDDEN)}", body=HIDDEN),
    "a CR within a field": post(f"X: a\rContent-Length: {len(BODY)}", body=BODY),
    "a NUL within a field": post("X: a\x00b", f"Content-Length: {len(BODY)}"),
    "a name with a blank": post("X Y: a", f"Content-Length: {len(BODY)}"),
    "a line without a colon": post("X", f"Content-Length: {len(BODY)}"),
    "a chunk of no size": post("Transfer-Encoding: chunked", body=b"\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk's size with a prefix": post("Transfer-Encoding: chunked", body=b"0x24\r\n" + BODY + b"\r\n" + HIDDEN),
    "a chunk's size that overflows": post(
        "Transfer-Encoding: chunked", body=b"ffffffffffffffff24\r\n" + BODY + b"\r\n" + HIDDEN
    ),
    "a chunk that is longer than its size": post("Transfer-Encoding: chunked", body=b"5\r\n" + BODY + b"\r\n" + HIDDEN),
    "no host": POST.encode() + b" HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "two hosts": post("Host: evil.test", f"Content-Length: {len(BODY)}"),
    "another version": f"{POST} HTTP/3.7\r\nHost: localhost\r\n\r\n".encode(),
    "no version": b"GET /status\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method that is none": b"GE(T /status HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two blanks in the first line": b"GET  /status HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service(OPENAI_BASE_URL="http://127.0.0.1:9/v1", OPENAI_API_KEY="sk-x", BODY_TIMEOUT="1").wait()
    yield service
    service.end()


@pytest.mark.parametrize("name", VECTORS)
def test_what_may_be_read_in_two_ways_is_answered_once_at_most_and_with_a_refusal(service: Service, name: str) -> None:
    found = statuses(converse(service.port, VECTORS[name]))
    assert len(found) <= 1, found
    assert all(400 <= status < 600 for status in found), found


def test_a_body_that_nobody_reads_is_not_taken_for_a_request(service: Service) -> None:
    carrier = request("GET /status", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED)
    assert statuses(converse(service.port, carrier)) == [200]


def test_two_requests_that_are_two_are_answered_twice(service: Service) -> None:
    """Else the tests above could not fail."""
    assert statuses(converse(service.port, SMUGGLED + SMUGGLED)) == [200, 200]
