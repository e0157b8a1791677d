"""How many files, and how large, one key's holder may keep: counted from the upstream's list before one is sent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from tests.fakes.openai_upstream import FakeOpenAI, Fault
from tests.fakes.ports import until

CREATE = "POST /v1/files"
ROW = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
MB = 1024 * 1024


@pytest.fixture
def serve(upstream: FakeOpenAI, tmp_path: Path) -> Callable[..., FlaskClient]:
    """Makes the service with a quota."""

    def make(**quota: Any) -> FlaskClient:
        return create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url, **quota)).test_client()

    return make


def send(client: FlaskClient, *names: str, token: str = "", size: int = 0) -> tuple[int, Any]:
    """Upload files of one row each, made `size` bytes long with spaces; the status and the response."""
    files = [(BytesIO(ROW.ljust(size)), name) for name in names]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply = client.post("/upload_files", data={"files": files}, headers=headers)
    return reply.status_code, reply.get_json()["response"]


def test_a_file_too_many_is_refused_and_nothing_is_sent(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client = serve(stored_files=2)
    assert [send(client, "a.jsonl")[0] for _ in range(2)] == [200, 200]
    status, told = send(client, "a.jsonl")
    assert (status, told["code"], told["type"]) == (429, "quota_exceeded", "insufficient_quota")
    assert "2 of 2 files (STORED_FILES)" in told["message"]
    assert upstream.count(CREATE) == 2


def test_a_deleted_file_makes_room(serve: Callable[..., FlaskClient]) -> None:
    client = serve(stored_files=1)
    file_id = send(client, "a.jsonl")[1][0]["response"]["id"]
    assert send(client, "b.jsonl")[0] == 429
    assert client.delete(f"/files/{file_id}").status_code == 200
    assert send(client, "b.jsonl")[0] == 200


def test_the_files_for_which_there_is_room_are_stored(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    status, told = send(serve(stored_files=2), "a.jsonl", "b.jsonl", "c.jsonl")
    assert status == 207
    assert [entry["status"] for entry in told] == ["uploaded", "uploaded", "failed"]
    assert told[2]["response"]["code"] == "quota_exceeded"
    assert len(upstream.files) == 2


def test_sizes_count_to_the_byte(serve: Callable[..., FlaskClient]) -> None:
    client = serve(stored_mb=1)
    assert send(client, "a.jsonl", size=MB - len(ROW))[0] == 200
    status, told = send(client, "b.jsonl", size=len(ROW) + 1)
    assert (status, told["code"]) == (429, "quota_exceeded")
    assert "1.0 of 1 MB (STORED_MB)" in told["message"]
    assert send(client, "b.jsonl")[0] == 200


def test_each_key_has_room_of_its_own(serve: Callable[..., FlaskClient], upstream: FakeOpenAI, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.sqlite3")
    admin, _ = keys.make("admin", frozenset({"admin"}))
    red, blue = (keys.make(name, frozenset({"train"}))[0] for name in ("red", "blue"))
    client = serve(stored_files=1)
    for token in (red, blue, admin):
        assert [send(client, "a.jsonl", token=token)[0] for _ in range(2)] == [200, 429]
    assert upstream.count(CREATE) == 3


def test_result_files_and_what_others_keep_do_not_count(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    upstream.new_file("step_metrics.csv", 5 * MB)["purpose"] = "fine-tune-results"
    upstream.new_file("key_0123456789ab.train.jsonl", 5 * MB)
    assert send(serve(stored_files=1, stored_mb=1), "a.jsonl")[0] == 200


def test_converted_data_count_too_and_leave_nothing_half(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client = serve(stored_files=1)
    assert send(client, "a.jsonl")[0] == 200
    reply = client.post("/datasets/check", data={"files": (BytesIO(ROW * 10), "b.jsonl"), "upload": "true"})
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (429, "quota_exceeded")
    assert len(upstream.files) == 1


def test_of_uploads_at_once_no_more_are_sent_than_there_is_room_for(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client, both = serve(stored_files=1), Barrier(2)

    def meet() -> None:
        both.wait(timeout=20)

    # The first is held upstream before its file is listed, until the second has its answer.
    upstream.fail(CREATE, Fault("status", raw=b"", status=500, late=True, meanwhile=meet))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, client, "a.jsonl")
        until(lambda: upstream.count(CREATE) == 1)
        second = send(client.application.test_client(), "b.jsonl")
        both.wait(timeout=20)
        first.result(timeout=20)
    assert (second[0], second[1]["code"]) == (429, "quota_exceeded")
    assert upstream.count(CREATE) == 1


def test_an_upload_that_failed_takes_no_room(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    client = serve(stored_files=1)
    upstream.fail(CREATE, Fault("status", status=400, error={"message": "no"}))
    assert [send(client, "a.jsonl")[0] for _ in range(3)] == [400, 200, 429]


def test_without_a_quota_nobody_is_asked(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    assert send(serve(), "a.jsonl")[0] == 200
    assert [seen.method for seen in upstream.seen] == ["POST"]
