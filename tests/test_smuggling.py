"""Bytes that two HTTP readers may understand in two ways are answered once at most, with a refusal, by both servers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_upstream import JOB_ID, FakeOpenAI
from tests.fakes.service import Service
from tests.live_engine import LiveEngine
from tests.raw_http import chunked, converse, request, statuses

JSON = "Content-Type: application/json"


@dataclass(frozen=True)
class Target:
    """Two calls of a server, `read` without a body, that are 200 as they stand."""

    read: str
    write: str
    asked: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.asked).encode()

    @property
    def smuggled(self) -> bytes:
        """What one reader takes for the rest of a body, and another for the next request."""
        return request(self.read)

    @property
    def hidden(self) -> bytes:
        return b"0\r\n\r\n" + self.smuggled

    def post(self, *fields: str, body: bytes | None = None) -> bytes:
        return request(self.write, JSON, *fields, body=self.body if body is None else body)

    def with_length(self, value: str) -> bytes:
        return self.post(f"Content-Length: {value}", body=self.body + self.smuggled)

    def with_coding(self, line: str) -> bytes:
        return self.post(line, f"Content-Length: {len(self.hidden)}", body=self.hidden)

    def framings(self) -> dict[str, bytes]:
        """Requests of which it can be asked where their body ends."""
        return {
            "length and chunks": self.post(
                f"Content-Length: {len(self.hidden)}", "Transfer-Encoding: chunked", body=self.hidden
            ),
            "two lengths": self.post("Content-Length: 0", f"Content-Length: {len(self.body)}", body=self.body),
            "two lengths in one": self.with_length(f"{len(self.body)}, 0"),
            "a length with a sign": self.with_length(f"+{len(self.body)}"),
            "a length below zero": self.with_length("-1"),
            "a length in hexadecimal": self.with_length(hex(len(self.body))),
            "a length with a blank": self.with_length("3 6"),
            "a length that no machine holds": self.with_length("1" + "0" * 30),
            "an unknown coding": self.with_coding("Transfer-Encoding: xchunked"),
            "a coding after the chunks": self.with_coding("Transfer-Encoding: chunked, identity"),
            "a coding that is none": self.with_coding("Transfer-Encoding: identity"),
            "a coding before a blank": self.with_coding("Transfer-Encoding : chunked"),
            "a coding behind a tab": self.with_coding("Transfer-Encoding:\x0bchunked"),
            "a coding on the next line": self.with_coding("Transfer-Encoding:\r\n chunked"),
            "a coding behind a NUL": self.with_coding("Transfer-Encoding: \x00chunked"),
            "chunks twice": self.with_coding("Transfer-Encoding: chunked, chunked"),
        }

    def heads(self) -> dict[str, bytes]:
        """Requests whose lines can be read in two ways, and chunks that are none."""
        return {
            "a folded field": self.post(
                "X-Folded: a\r\n Transfer-Encoding: chunked", f"Content-Length: {len(self.hidden)}", body=self.hidden
            ),
            "a CR within a field": self.post(f"X: a\rContent-Length: {len(self.body)}", body=self.body),
            "a NUL within a field": self.post("X: a\x00b", f"Content-Length: {len(self.body)}"),
            "a name with a blank": self.post("X Y: a", f"Content-Length: {len(self.body)}"),
            "a line without a colon": self.post("X", f"Content-Length: {len(self.body)}"),
            "a chunk of no size": self.post(
                "Transfer-Encoding: chunked", body=b"\r\n" + self.body + b"\r\n0\r\n\r\n" + self.smuggled
            ),
            "a chunk's size with a prefix": self.post(
                "Transfer-Encoding: chunked", body=b"0x24\r\n" + self.body + b"\r\n" + self.hidden
            ),
            "a chunk's size that overflows": self.post(
                "Transfer-Encoding: chunked", body=b"ffffffffffffffff24\r\n" + self.body + b"\r\n" + self.hidden
            ),
            "a chunk that is longer than its size": self.post(
                "Transfer-Encoding: chunked", body=b"5\r\n" + self.body + b"\r\n" + self.hidden
            ),
            "no host": self.write.encode() + b" HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "two hosts": self.post("Host: evil.test", f"Content-Length: {len(self.body)}"),
            "another version": f"{self.write} HTTP/3.7\r\nHost: localhost\r\n\r\n".encode(),
            "no version": f"{self.read}\r\n\r\n".encode(),
            "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "a method that is none": self.smuggled.replace(b"GET", b"GE(T"),
            "two blanks in the first line": self.smuggled.replace(b"GET", b"GET "),
        }


TARGETS = {
    "service": Target("GET /status", "POST /retrieve", {"fine_tuning_job_id": JOB_ID}),
    "engine": Target(
        "GET /v1/models",
        "POST /v1/uploads",
        {"bytes": 9, "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"},
    ),
}
VECTORS = {name: target.framings() | target.heads() for name, target in TARGETS.items()}


@pytest.fixture(scope="module")
def ports(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Where each server listens."""
    with ExitStack() as stack:
        upstream = FakeOpenAI()
        stack.callback(upstream.close)
        upstream.new_job({"model": "gpt-4o", "training_file": "file-1"})
        engine = LiveEngine(tmp_path_factory.mktemp("smuggled"), tiny_gguf, BODY_TIMEOUT="1")
        stack.callback(engine.end)
        service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x", BODY_TIMEOUT="1")
        stack.callback(service.end)
        yield {"service": service.wait().port, "engine": engine.wait().port}


@pytest.mark.parametrize("name", VECTORS["service"])
@pytest.mark.parametrize("server", TARGETS)
def test_what_may_be_read_in_two_ways_is_answered_once_at_most_and_with_a_refusal(
    ports: dict[str, int], server: str, name: str
) -> None:
    found = statuses(converse(ports[server], VECTORS[server][name]))
    assert len(found) <= 1, found
    assert all(400 <= status < 500 for status in found), found


@pytest.mark.parametrize("server", TARGETS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_length_beside_chunks_does_not_count_and_the_connection_ends(
    ports: dict[str, int], server: str, order: int
) -> None:
    """RFC 9112, 6.3: the launcher drops the length before anything of ours could refuse it."""
    target = TARGETS[server]
    fields = ["Content-Length: 3", "Transfer-Encoding: chunked"][::order]
    assert statuses(converse(ports[server], target.post(*fields, body=chunked(target.body) + target.smuggled))) == [200]


@pytest.mark.parametrize("server", TARGETS)
def test_a_body_that_nobody_reads_is_not_taken_for_a_request(ports: dict[str, int], server: str) -> None:
    target = TARGETS[server]
    carrier = request(target.read, f"Content-Length: {len(target.smuggled)}", body=target.smuggled)
    assert statuses(converse(ports[server], carrier)) == [200]


@pytest.mark.parametrize("server", TARGETS)
def test_two_requests_that_are_two_are_answered_twice(ports: dict[str, int], server: str) -> None:
    """Else the tests above could not fail."""
    target = TARGETS[server]
    whole = target.post(f"Content-Length: {len(target.body)}") + target.post(
        "Transfer-Encoding: chunked", body=chunked(target.body)
    )
    assert statuses(converse(ports[server], whole + target.smuggled)) == [200, 200, 200]
