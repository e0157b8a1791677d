"""The same Idempotency-Key never starts, or pays for, a second job."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault

CREATE = "POST /v1/fine_tuning/jobs"


@pytest.fixture(autouse=True)
def training_file(upstream: FakeOpenAI) -> None:
    upstream.new_file("a.jsonl", 1)


def create(client: FlaskClient, key: str, **fields: object) -> TestResponse:
    return client.post("/fine_tuning", json={"training_file": FILE_ID, **fields}, headers={"Idempotency-Key": key})


def create_in_the_end(client: FlaskClient, key: str) -> TestResponse:
    """Ask again while an earlier call is under way, as Retry-After has it."""
    while (reply := create(client, key)).status_code == 409:
        assert reply.get_json()["response"]["code"] == "idempotency_in_progress"
        assert reply.headers["Retry-After"] == "1"
        time.sleep(0.02)
    return reply


def test_the_same_key_gets_the_same_reply_and_starts_nothing(client: FlaskClient, upstream: FakeOpenAI) -> None:
    first, second = create(client, "key-1"), create(client, "key-1")
    assert second.data == first.data
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert upstream.count(CREATE) == 1


def test_a_replay_needs_no_file_any_more(config: ServiceConfig, upstream: FakeOpenAI, tmp_path: Path) -> None:
    """Whoever holds a key is asked whose the file is before a job is started, and a replay starts none."""
    token, owner = KeyFile(tmp_path / "keys.sqlite3").make("team", frozenset({"train"}))
    upstream.files[FILE_ID]["filename"] = f"{owner.id}.a.jsonl"
    client = create_app(replace(config, data_dir=tmp_path)).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    first = create(client, "key-1")
    assert first.status_code == 200
    del upstream.files[FILE_ID]
    assert create(client, "key-1").data == first.data
    assert create(client, "key-1", training_file="file-nobodys").status_code == 422
    assert create(client, "key-2").status_code == 400
    assert upstream.count(CREATE) == 1


def test_another_key_starts_another_job(client: FlaskClient, upstream: FakeOpenAI) -> None:
    assert create(client, "key-1").get_json() != create(client, "key-2").get_json()
    assert upstream.count(CREATE) == 2


def test_the_key_survives_a_restart_of_the_service(
    client: FlaskClient, config: ServiceConfig, upstream: FakeOpenAI
) -> None:
    first = create(client, "key-1")
    restarted = create_app(config).test_client()
    assert create(restarted, "key-1").data == first.data
    assert upstream.count(CREATE) == 1


def test_the_same_key_with_another_body_is_refused(client: FlaskClient, upstream: FakeOpenAI) -> None:
    create(client, "key-1")
    reply = create(client, "key-1", seed=7)
    assert reply.status_code == 422
    assert reply.get_json()["response"]["code"] == "idempotency_key_reused"
    assert upstream.count(CREATE) == 1


def test_many_calls_at_once_with_one_key_start_one_job(config: ServiceConfig, upstream: FakeOpenAI) -> None:
    app: Flask = create_app(replace(config, upstream_timeout=20.0, threads=32))
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: create_in_the_end(app.test_client(), "key-1"), range(16)))
    assert {reply.data for reply in replies} == {replies[0].data}
    assert sum("Idempotent-Replayed" not in reply.headers for reply in replies) == 1
    assert upstream.count(CREATE) == 1


def test_nothing_is_sent_while_the_key_cannot_be_looked_up(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail("GET /v1/fine_tuning/jobs", Fault("drop"))
    assert create(client, "key-1").status_code == 502
    assert upstream.count(CREATE) == 0


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "schlüssel", "a\x7f"])
def test_a_key_that_is_none_is_refused(client: FlaskClient, upstream: FakeOpenAI, key: str) -> None:
    reply = create(client, key)
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (400, "invalid_idempotency_key")
    assert upstream.seen == []


def test_the_longest_key_is_taken(client: FlaskClient) -> None:
    assert create(client, "~" * 255).status_code == 200


def test_the_callers_metadata_goes_along_with_our_tags(client: FlaskClient, upstream: FakeOpenAI) -> None:
    create(client, "key-1", metadata={"team": "blue"})
    metadata = upstream.last(CREATE).json["metadata"]
    assert metadata["team"] == "blue"
    assert set(metadata) == {"team", "tune9527_request", "tune9527_idempotency_key", "tune9527_body"}
