"""A day's budget of jobs and tokens: counted from the upstream's own jobs, before anything is created there."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from services.budget import Budget, tokens_to_train
from services.ledger import LINE
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI, Fault, refusal
from tests.fakes.ports import until
from wire.errors import ApiError

CREATE = "POST /v1/fine_tuning/jobs"
CREATED_AT = 1704527100  # of the fake's jobs
MIDNIGHT = 1704499200
DAY = 86_400
ROW = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
TOKENS = tokens_to_train(len(ROW), 3)


@pytest.fixture
def serve(upstream: FakeOpenAI, tmp_path: Path) -> Callable[..., FlaskClient]:
    """Makes the service with a budget, at the time of the fake's jobs or `later`, with the training file uploaded."""

    def make(later: int = 0, **budget: Any) -> FlaskClient:
        app = create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url))
        app.extensions["services"].fine_tuning._ledger.budget = Budget(**budget, now=lambda: CREATED_AT + later)
        client = app.test_client()
        if not upstream.files:
            upstream.new_file("train.jsonl", len(ROW))
        return client

    return make


def start(client: FlaskClient, token: str = "", **headers: str) -> tuple[int, Any]:
    """Ask for a job of three epochs; the status and the response."""
    key = {"Authorization": f"Bearer {token}"} if token else {}
    asked = {"training_file": FILE_ID, "hyperparameters": {"n_epochs": 3}}
    reply = client.post("/fine_tuning", json=asked, headers=key | headers)
    return reply.status_code, reply.get_json()["response"]


def test_a_job_too_many_is_refused_and_nothing_is_created(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client = serve(jobs=2)
    assert [start(client)[0] for _ in range(3)] == [200, 200, 429]
    assert upstream.count(CREATE) == 2
    reply = client.post("/fine_tuning", json={"training_file": FILE_ID})
    told = reply.get_json()["response"]
    assert told["code"] == "budget_exceeded"
    assert "2 of 2 jobs (DAILY_JOBS)" in told["message"]
    assert "2024-01-07T00:00:00Z" in told["message"]
    assert int(reply.headers["Retry-After"]) == MIDNIGHT + DAY - CREATED_AT


def test_a_new_day_has_a_new_budget(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    assert [start(serve(jobs=1))[0] for _ in range(2)] == [200, 429]
    assert start(serve(later=DAY, jobs=1))[0] == 200


def test_a_replay_costs_nothing(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    client = serve(jobs=1)
    for _ in range(3):
        assert start(client, **{"Idempotency-Key": "once"})[0] == 200
    assert upstream.count(CREATE) == 1


def test_an_admin_may_confirm_and_nobody_else(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI, tmp_path: Path
) -> None:
    client, keys = serve(jobs=1), KeyFile(tmp_path / "keys.sqlite3")
    admin, _ = keys.make("admin", frozenset({"admin"}))
    confirmed = {"X-Confirm-Over-Budget": "true"}
    assert [start(client, admin)[0] for _ in range(2)] == [200, 429]
    assert start(client, admin, **confirmed)[0] == 200
    red, key = keys.make("red", frozenset({"train"}))
    upstream.files[FILE_ID]["filename"] = f"{key.id}.train.jsonl"
    assert [start(client, red)[0], start(client, red, **confirmed)[0]] == [200, 429], "each key has a budget of its own"


def test_tokens_are_estimated_and_then_counted_as_trained(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client = serve(tokens=3 * TOKENS)
    assert start(client)[0] == 200
    assert upstream.jobs[JOB_ID]["metadata"]["tune9527_tokens"] == str(TOKENS)
    assert [start(client)[0] for _ in range(3)] == [200, 200, 429]
    upstream.jobs[JOB_ID]["status"] = "failed"
    assert start(client)[0] == 200, "a job that failed is not billed"
    upstream.finish()
    status, told = start(client)
    assert status == 429
    assert f"of {3 * TOKENS} tokens (DAILY_TOKENS)" in told["message"]


def test_jobs_that_others_started_at_the_upstream_do_not_count(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client = serve(jobs=1)
    upstream.new_job({"model": "m", "training_file": FILE_ID, "metadata": {"of": "somebody else"}})
    assert start(client)[0] == 200


def test_without_a_budget_nothing_is_asked_first(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    assert start(serve())[0] == 200
    assert [f"{one.method} {one.path}" for one in upstream.seen] == [CREATE]
    assert "tune9527_tokens" not in upstream.jobs[JOB_ID]["metadata"]


def test_what_stands_in_a_jobs_metadata_is_not_trusted() -> None:
    odd = [{"metadata": {"tune9527_tokens": text}} for text in ("", "-5", "1e9", "٣", "x" * 512)]
    Budget(tokens=10).require([*odd, {"metadata": None}, {"trained_tokens": None}], 10)
    with pytest.raises(ApiError, match="0 of 10 tokens"):
        Budget(tokens=10).require(odd, 11)


@pytest.mark.parametrize("budget", [{"jobs": 2}, {"tokens": 2 * TOKENS}])
def test_what_an_upstream_lists_without_its_metadata_counts_too(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI, budget: dict[str, int]
) -> None:
    client, statuses = serve(**budget), []
    for _ in range(3):
        statuses.append(start(client)[0])
        for job in upstream.jobs.values():
            job["metadata"] = None
    assert statuses == [200, 200, 429]
    assert start(serve(later=DAY, **budget))[0] == 200


def test_what_was_left_open_counts_until_it_is_listed_and_then_once(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    client = serve(jobs=2)
    jobs = client.application.extensions["services"].fine_tuning
    jobs._creates._sleep = lambda _: None
    upstream.fail(CREATE, Fault("drop"))
    assert start(client)[1]["code"] == "needs_attention"
    (open_start,) = jobs._ledger._started[""]
    assert [start(client)[0] for _ in range(2)] == [200, 429]
    body = {"model": "m", "training_file": FILE_ID, "metadata": open_start.tags}
    upstream.new_job(body)
    jobs._ledger.budget = Budget(jobs=3, now=lambda: CREATED_AT)
    assert [start(client)[0] for _ in range(2)] == [200, 429]


def test_what_the_upstream_refuses_does_not_count(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    client = serve(jobs=1)
    upstream.fail(CREATE, refusal(400, "no such model", "model_not_found"))
    assert [start(client)[0] for _ in range(3)] == [400, 200, 429]


def test_starts_of_one_key_hold_few_threads_and_not_for_long(
    serve: Callable[..., FlaskClient], upstream: FakeOpenAI
) -> None:
    app, go_on = serve(jobs=100).application, Event()

    def hold() -> None:
        go_on.wait(20)

    ledger = app.extensions["services"].fine_tuning._ledger
    ledger._patience = 0.2
    upstream.fail(CREATE, Fault("status", 200, raw=b'{"id": "ftjob-1"}', meanwhile=hold))
    with ThreadPoolExecutor(LINE + 4) as callers:
        first = callers.submit(start, app.test_client())
        until(lambda: upstream.count(CREATE) == 1)
        began = time.monotonic()
        told = [*callers.map(lambda _: start(app.test_client()), range(LINE + 3))]
        waited = time.monotonic() - began
        go_on.set()
    assert {(status, body["code"]) for status, body in told} == {(503, "server_is_overloaded")}
    assert waited < 10
    assert first.result()[0] == 200
    assert start(app.test_client())[0] == 200


def test_calls_at_once_do_not_share_the_days_last_job(serve: Callable[..., FlaskClient], upstream: FakeOpenAI) -> None:
    app = serve(jobs=1).application
    with ThreadPoolExecutor(6) as callers:
        statuses = [*callers.map(lambda _: start(app.test_client())[0], range(6))]
    assert sorted(statuses) == [200, *[429] * 5]
    assert upstream.count(CREATE) == 1
