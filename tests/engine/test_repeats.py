"""A job whose creation is asked for again, because the reply was lost, is one job."""

import http.server
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openai import OpenAI

from engine.parts import Parts
from engine.repeats import RETRY_SECONDS, Call
from engine.store import JOBS, Store
from engine.store.rows import Rows
from tests.engine.hollow import impatient, upload
from wire.requests import JobCreate

RETRY = {"X-Stainless-Retry-Count": "1"}


class Cutting(http.server.BaseHTTPRequestHandler):
    """A proxy before an engine that loses the first reply; `counts` are the retry counts that came."""

    protocol_version = "HTTP/1.1"
    engine: FlaskClient
    counts: list[str | None]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        reply = self.engine.post(self.path, data=body, headers=headers)
        self.counts.append(self.headers["X-Stainless-Retry-Count"])
        if len(self.counts) == 1:
            self.close_connection = True
            return
        self.send_response(reply.status_code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.data)))
        self.end_headers()
        self.wfile.write(reply.data)

    def log_message(self, *_: object) -> None:
        """Say nothing; pytest's output is for failures."""


@pytest.fixture
def proxy(hollow: Flask) -> Iterator[tuple[str, type[Cutting]]]:
    """The base URL of a proxy, and the proxy."""
    handler = type("ThisProxy", (Cutting,), {"engine": hollow.test_client(), "counts": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", handler
    server.shutdown()
    server.server_close()


def create(caller: FlaskClient, file_id: str, headers: dict[str, str], status: int = 200, **fields: Any) -> Any:
    asked = {"model": "base", "training_file": file_id, **fields}
    reply = caller.post("/v1/fine_tuning/jobs", json=asked, headers=headers)
    assert reply.status_code == status, reply.text
    return reply.get_json()["id"] if status == 200 else reply.get_json()["error"]["code"]


def test_the_sdk_that_lost_a_reply_gets_the_job_it_created(
    proxy: tuple[str, type[Cutting]], caller: FlaskClient, store: Store
) -> None:
    url, cutting = proxy
    with OpenAI(api_key="unused", base_url=url) as client:
        made = client.fine_tuning.jobs.create(model="base", training_file=upload(caller))
    assert cutting.counts == ["0", "1"]
    assert [job["id"] for job in store.newest(JOBS, None)] == [made.id]


def test_a_retry_means_the_callers_newest_equal_job_alone(caller: FlaskClient, store: Store) -> None:
    file_id = upload(caller)
    first, second = create(caller, file_id, {}), create(caller, file_id, {})
    assert first != second, "nobody said that it was a retry"
    assert create(caller, file_id, RETRY) == second
    assert create(caller, file_id, RETRY, suffix="other") not in (first, second)
    store.update(JOBS, second, caller="another")
    assert create(caller, file_id, RETRY) == first


def test_a_retry_means_no_job_that_is_old_or_was_cancelled(caller: FlaskClient, store: Store) -> None:
    file_id = upload(caller)
    first = create(caller, file_id, {})
    caller.post(f"/v1/fine_tuning/jobs/{first}/cancel")
    second = create(caller, file_id, RETRY)
    assert second != first
    job = store.one(JOBS, id=second)
    assert job is not None
    store.update(JOBS, second, created_at=job["created_at"] - RETRY_SECONDS - 60)
    assert create(caller, file_id, RETRY) not in (first, second)


def test_a_key_is_one_job_whenever_it_comes_again(caller: FlaskClient, store: Store) -> None:
    file_id, key = upload(caller), {"Idempotency-Key": "monday"}
    made = create(caller, file_id, key)
    assert create(caller, file_id, key | RETRY) == made
    assert create(caller, file_id, {"Idempotency-Key": "tuesday"}) != made
    assert create(caller, file_id, key, status=422, suffix="other") == "idempotency_key_reused"
    caller.delete(f"/v1/files/{file_id}")
    assert create(caller, file_id, key) == made
    store.update(JOBS, made, caller="another")
    assert create(caller, upload(caller), key) != made
    assert create(caller, file_id, {"Idempotency-Key": "two words"}, status=400) == "invalid_idempotency_key"


def test_a_key_that_another_engine_had_a_moment_before_is_its_job(
    hollow: Flask, parts: Parts, caller: FlaskClient, store: Store, tmp_path: Path
) -> None:
    file_id, made = upload(caller), list[str]()
    asked = JobCreate.model_validate({"model": "base", "training_file": file_id})

    class Late(Store):
        def insert(self, rows: Rows) -> None:
            made.append(parts.jobs.create(asked, int(time.time()), Call(key="monday"))["id"])
            super().insert(rows)

    with impatient(parts, tmp_path / "data", Late) as hollow.extensions["engine"]:
        assert [create(caller, file_id, {"Idempotency-Key": "monday"})] == made
    hollow.extensions["engine"] = parts
    assert [job["id"] for job in store.newest(JOBS, None)] == made
    assert [one.name for one in (tmp_path / "data" / "jobs").iterdir()] == made


def test_a_call_that_was_refused_may_be_made_again_with_its_key(caller: FlaskClient) -> None:
    key = {"Idempotency-Key": "monday"}
    assert create(caller, "file-none", key, status=400) == "invalid_file"
    create(caller, upload(caller), key)


@pytest.mark.parametrize("headers", [{"Idempotency-Key": "monday"}, RETRY])
def test_calls_at_once_are_one_job(hollow: Flask, caller: FlaskClient, store: Store, headers: dict[str, str]) -> None:
    file_id = upload(caller)
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: create(hollow.test_client(), file_id, headers), range(8)))
    assert made == {job["id"] for job in store.newest(JOBS, None)}
    assert len(made) == 1
