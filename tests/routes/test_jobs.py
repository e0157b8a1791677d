"""The full objects of jobs, in the envelope."""

import pytest
from flask.testing import FlaskClient

from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI

EVENTS = f"GET /v1/fine_tuning/jobs/{JOB_ID}/events"


@pytest.fixture(autouse=True)
def job(upstream: FakeOpenAI) -> None:
    upstream.new_job({"model": "gpt-3.5-turbo-1106", "training_file": FILE_ID})


def test_jobs_are_listed_whole(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.get("/jobs?after=ftjob-a&limit=5").get_json()
    assert reply["info"] == "ok"
    assert reply["response"]["data"] == [upstream.jobs[JOB_ID]]
    assert upstream.last("GET /v1/fine_tuning/jobs").query == {"after": ["ftjob-a"], "limit": ["5"]}


def test_one_job_is_the_upstreams_object(client: FlaskClient, upstream: FakeOpenAI) -> None:
    assert client.get(f"/jobs/{JOB_ID}").get_json() == {"info": "ok", "response": upstream.jobs[JOB_ID]}


def test_events_are_passed_with_their_loss(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.get(f"/jobs/{JOB_ID}/events?limit=1").get_json()
    assert reply["response"]["data"][0]["data"] == {"step": 88, "train_loss": 0.5, "total_steps": 96}
    assert upstream.last(EVENTS).query == {"limit": ["1"]}


def test_a_job_is_cancelled(client: FlaskClient) -> None:
    reply = client.post(f"/jobs/{JOB_ID}/cancel")
    assert (reply.status_code, reply.get_json()["response"]["status"]) == (200, "cancelled")


@pytest.mark.parametrize("path", ["/jobs/ftjob-nope", "/jobs/.", "/jobs/%2e%2e/events"])
def test_an_unknown_job_is_404(client: FlaskClient, upstream: FakeOpenAI, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("query", "code"),
    [("limit=0", "invalid_value"), ("limit=x", "invalid_value"), ("limit=-1", "invalid_value"), ("limt=1", None)],
)
def test_a_wrong_query_is_refused(client: FlaskClient, query: str, code: str | None) -> None:
    reply = client.get(f"/jobs?{query}")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (400, code or "unknown_parameter")
