"""A body over its limit is 413 however it is framed, and one within it never is: raw sockets, through the launcher."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fakes.service import Service
from tests.live_engine import LiveEngine
from tests.raw_http import chunked, converse, request, statuses
from wire.body import MAX_BYTES

UPLOAD_BYTES = 1024 * 1024
FORM = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jsonl"\r\n\r\n%b\r\n--b--\r\n'


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    settings = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-x", "MAX_UPLOAD_MB": "1"}
    service = Service(**settings).wait()
    yield service.port
    service.end()


@pytest.fixture(scope="module")
def engine(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    engine = LiveEngine(tmp_path_factory.mktemp("limits"), tiny_gguf).wait()
    yield urlsplit(engine.url).port or 0
    engine.end()


def status_of(port: int, path: str, content_type: str, body: bytes, in_chunks: bool) -> int:
    framing = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(body)}"
    sent = request(f"POST {path}", f"Content-Type: {content_type}", framing, body=chunked(body) if in_chunks else body)
    [status] = statuses(converse(port, sent, seconds=30, quiet=0.2))
    return status


def sizes(limit: int) -> dict[int, bool]:
    """Sizes at the limit, and whether they are refused."""
    return {limit - 1: False, limit: False, limit + 1: True, 2 * limit: True}


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(
    ("server", "path"),
    [
        *(("service", path) for path in ("/retrieve", "/fine_tuning", "/chat")),
        *(("engine", path) for path in ("/v1/chat/completions", "/v1/fine_tuning/jobs", "/v1/uploads")),
    ],
)
def test_a_json_body_is_413_beyond_its_limit_and_only_there(
    request: pytest.FixtureRequest, server: str, path: str, in_chunks: bool
) -> None:
    port: int = request.getfixturevalue(server)
    for size, refused in sizes(MAX_BYTES).items():
        body = b'{"nothing": "here"}'.ljust(size)
        assert (status_of(port, path, "application/json", body, in_chunks) == 413) is refused, size


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_an_upload_is_413_beyond_its_limit_and_only_there(service: int, in_chunks: bool) -> None:
    for size, refused in sizes(UPLOAD_BYTES).items():
        status = status_of(service, "/upload_files", "multipart/form-data; boundary=b", FORM % (b" " * size), in_chunks)
        assert (status == 413) is refused, size


@pytest.mark.parametrize(("server", "path"), [("service", "/upload_files"), ("engine", "/v1/files")])
def test_a_body_that_is_announced_too_long_is_413_before_it_comes(
    request: pytest.FixtureRequest, server: str, path: str
) -> None:
    port: int = request.getfixturevalue(server)
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: multipart/form-data; boundary=b"]
    raw = "\r\n".join([*head, f"Content-Length: {10 * 512 * 1024**2}", "", ""]).encode()
    assert statuses(converse(port, raw, seconds=10)) == [413]
