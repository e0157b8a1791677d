"""A create that no answer settles: found and adopted, shown to a person, or repeated where that is safe."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from services.failures import MARK
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault, refusal

CREATE, LIST = "POST /v1/fine_tuning/jobs", "GET /v1/fine_tuning/jobs"
EMPTY = b'{"object": "list", "data": [], "has_more": false}'
NOTHING = Fault("raw", raw=EMPTY)
ENGINES_NOTHING = Fault("raw", raw=EMPTY, headers={MARK: "1"})
DROP, CONFLICT = Fault("drop"), refusal(409, "Another request is running", None)
DONE_AND_DROPPED = Fault("drop", after_work=True)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(config: ServiceConfig, upstream: FakeOpenAI, pauses: list[float]) -> FlaskClient:
    upstream.new_file("a.jsonl", 1)
    app = create_app(replace(config, upstream_timeout=20.0))
    app.extensions["services"].fine_tuning._creates._sleep = pauses.append
    return app.test_client()


def create(client: FlaskClient, key: str = "", status: int = 200, *, sure: bool = False) -> dict[str, Any]:
    headers = ({"Idempotency-Key": key} if key else {}) | ({"X-Confirm-New-Job": "true"} if sure else {})
    reply = client.post("/fine_tuning", json={"training_file": FILE_ID}, headers=headers)
    told: dict[str, Any] = reply.get_json()["response"]
    assert reply.status_code == status, told
    return told


def alive(upstream: FakeOpenAI) -> list[str]:
    return [job_id for job_id, job in upstream.jobs.items() if job["status"] != "cancelled"]


@pytest.mark.parametrize("fault", [DROP, refusal(503, "no", None), CONFLICT])
@pytest.mark.parametrize("key", ["", "key-1"])
def test_each_attempt_is_one_post(
    client: FlaskClient, upstream: FakeOpenAI, pauses: list[float], fault: Fault, key: str
) -> None:
    upstream.fail(CREATE, fault)
    told = create(client, key, 504)
    assert told["code"] == "needs_attention"
    mark = f"tune9527_idempotency_key={key}" if key else "tune9527_request="
    assert mark in told["message"]
    assert upstream.count(CREATE) == 1
    assert 10 < sum(pauses) <= 60


def test_a_job_that_is_listed_late_is_adopted(client: FlaskClient, upstream: FakeOpenAI, pauses: list[float]) -> None:
    upstream.fail(CREATE, DONE_AND_DROPPED)
    upstream.fail(LIST, NOTHING, NOTHING, DROP)
    assert [create(client)["id"]] == alive(upstream)
    assert sum(pauses) == 30


def test_what_is_open_stays_so_until_the_caller_has_looked(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CREATE, DROP)
    first = create(client, "key-1", 504)
    again = create(client, "key-1", 504)
    assert first["code"] == again["code"] == "needs_attention"
    assert "X-Confirm-New-Job" in again["message"]
    assert upstream.count(CREATE) == 1
    job = create(client, "key-1", sure=True)
    assert create(client, "key-1") == job
    assert upstream.count(CREATE) == 2


def test_an_open_create_that_shows_up_later_is_the_keys_job(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CREATE, DONE_AND_DROPPED)
    upstream.fail(LIST, *[NOTHING] * 6)
    create(client, "key-1", 504)
    assert create(client, "key-1", sure=True)["id"] == alive(upstream)[0]
    assert upstream.count(CREATE) == 1


def test_after_a_restart_the_upstream_tells_what_became_of_a_create(
    client: FlaskClient, config: ServiceConfig, upstream: FakeOpenAI
) -> None:
    upstream.fail(CREATE, DONE_AND_DROPPED)
    upstream.fail(LIST, *[NOTHING] * 6)
    create(client, "key-1", 504)
    restarted = create_app(replace(config, upstream_timeout=20.0)).test_client()
    assert [create(restarted, "key-1")["id"]] == alive(upstream)
    assert upstream.count(CREATE) == 1


def test_of_two_jobs_of_one_call_the_first_stays_and_it_is_said(
    client: FlaskClient, upstream: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    def started_by_another_service() -> None:
        upstream.new_job(upstream.last(CREATE).json | {"model": "m"})["created_at"] += 5

    upstream.fail(CREATE, Fault("wire", after_work=True, meanwhile=started_by_another_service))
    with caplog.at_level(logging.WARNING):
        job = create(client, "key-1")
    first, second = sorted(upstream.jobs.values(), key=lambda one: one["created_at"])
    assert (job["id"], first["status"], second["status"]) == (first["id"], "validating_files", "cancelled")
    assert f"started {first['id']} and {second['id']}" in caplog.text


def test_two_services_with_one_key_end_with_one_job(
    client: FlaskClient, config: ServiceConfig, upstream: FakeOpenAI
) -> None:
    other, elsewhere = create_app(replace(config, upstream_timeout=20.0)).test_client(), list[dict[str, Any]]()
    upstream.fail(LIST, NOTHING, NOTHING)
    upstream.fail(CREATE, Fault("drop", late=True, meanwhile=lambda: elsewhere.append(create(other, "key-1"))))
    job = create(client, "key-1")
    assert [job["id"]] == alive(upstream)
    assert elsewhere == [job]


def test_an_engine_of_ours_is_asked_again(client: FlaskClient, upstream: FakeOpenAI, pauses: list[float]) -> None:
    upstream.fail(CREATE, DROP, DROP)
    upstream.fail(LIST, *[ENGINES_NOTHING] * 4)
    assert [create(client)["id"]] == alive(upstream)
    assert upstream.count(CREATE) == 3
    assert sum(pauses) == 4


def test_what_an_engine_refuses_by_name_leaves_nothing_open(client: FlaskClient, upstream: FakeOpenAI) -> None:
    full = {"message": "no room", "code": "insufficient_storage"}
    upstream.fail(CREATE, Fault("status", 507, error=full, headers={MARK: "1"}))
    assert create(client, status=507)["code"] == "insufficient_storage"
    assert len(upstream.seen) == 1


def test_a_repeated_create_that_came_too_soon_is_taken_back(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CREATE, DONE_AND_DROPPED)
    upstream.fail(LIST, ENGINES_NOTHING, ENGINES_NOTHING)
    assert [create(client)["id"]] == alive(upstream)
    assert len(upstream.jobs) == 2


def test_a_key_in_use_is_told_at_once(client: FlaskClient, upstream: FakeOpenAI) -> None:
    seen: list[Any] = []

    def ask_again() -> None:
        reply = client.application.test_client().post(
            "/fine_tuning", json={"training_file": FILE_ID}, headers={"Idempotency-Key": "key-1"}
        )
        seen.append((reply.status_code, reply.get_json()["response"]["code"], reply.headers["Retry-After"]))

    upstream.fail(CREATE, Fault("drop", late=True, meanwhile=ask_again))
    create(client, "key-1")
    assert seen == [(409, "idempotency_in_progress", "1")]


def test_a_replay_is_the_first_reply_however_the_job_stands(client: FlaskClient, upstream: FakeOpenAI) -> None:
    first = create(client, "key-1")
    upstream.finish(first["id"])
    assert create(client, "key-1") == first


def test_an_upstream_that_does_not_filter_is_searched_for_a_day(
    client: FlaskClient, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = create(client, "key-1")
    others = b",".join(b'{"id": "ftjob-%d", "created_at": 1704527200}' % number for number in range(3))
    upstream.fail(LIST, Fault("raw", raw=b'{"data": [%s], "has_more": true}' % others))
    client.application.extensions["services"].fine_tuning._creates._now = lambda: 1704527300
    assert create(client, "key-1") == job
    assert upstream.last(LIST).query["after"] == ["ftjob-2"]


@pytest.mark.parametrize("odd", ['"text"', "[1]", '{"tune9527_idempotency_key": 5}', "null"])
def test_odd_metadata_of_others_does_no_harm(
    client: FlaskClient, upstream: FakeOpenAI, odd: str, make_odd: Callable[[str], Fault]
) -> None:
    upstream.fail(LIST, make_odd(odd))
    create(client, "key-1")


@pytest.fixture
def make_odd() -> Callable[[str], Fault]:
    def make(metadata: str) -> Fault:
        row = f'{{"id": "ftjob-odd", "created_at": "soon", "metadata": {metadata}}}'
        return Fault("raw", raw=b'{"data": [%s]}' % row.encode())

    return make
