"""A job as it goes: events as they happen, its curve from events and result file, its checkpoints, a pause."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from services import jobs
from tests.fakes.openai_upstream import CHECKPOINT, FILE_ID, JOB_ID, RESULT_ID, FakeOpenAI, Fault, refusal
from tests.fakes.service import NO_DATA
from wire import waiting

STREAM = f"/jobs/{JOB_ID}/events?stream=true"
EVENTS = f"GET /v1/fine_tuning/jobs/{JOB_ID}/events"


@pytest.fixture(autouse=True)
def job(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.new_job({"model": "gpt-3.5-turbo-1106", "training_file": FILE_ID})
    monkeypatch.setattr(jobs, "PAUSE", 0.02)


def read(stream: bytes) -> list[tuple[str, str, Any]]:
    """(id, name, data) of each event with data."""
    found = []
    for block in stream.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            found.append((lines.get("id", ""), lines.get("event", ""), json.loads(lines["data"])))
    return found


def test_what_was_comes_first_then_what_happens_until_the_end(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.tell(JOB_ID, "Created")
    reply = client.get(STREAM, buffered=False)
    assert reply.mimetype == "text/event-stream"
    pieces = reply.iter_encoded()
    assert next(pieces) == b"retry: 2000\n\n"
    first = read(next(pieces))
    upstream.tell(JOB_ID, "Step 1/2")
    second = read(next(pieces))
    upstream.finish()
    upstream.tell(JOB_ID, "The job has successfully completed")
    rest = read(b"".join(pieces))
    assert [data["message"] for _, _, data in first + second] == ["Created", "Step 1/2"]
    assert first[0][0] == first[0][2]["id"]
    assert [name for _, name, _ in rest] == ["", "end"]
    assert rest[-1][2] == {
        "id": JOB_ID,
        "status": "succeeded",
        "fine_tuned_model": upstream.jobs[JOB_ID]["fine_tuned_model"],
        "error": {},
    }


def test_the_accept_header_asks_for_the_stream_too(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.finish()
    reply = client.get(f"/jobs/{JOB_ID}/events", headers={"Accept": "text/event-stream"})
    assert read(reply.data)[-1][1] == "end"
    assert client.get(f"/jobs/{JOB_ID}/events", headers={"Accept": "*/*"}).is_json


def test_it_goes_on_behind_the_last_event_over_many_pages(client: FlaskClient, upstream: FakeOpenAI) -> None:
    ids = [upstream.tell(JOB_ID, f"Step {number}") for number in range(250)]
    upstream.finish()
    whole = read(client.get(STREAM).data)
    assert [one[0] for one in whole] == [*ids, ""]
    rest = read(client.get(STREAM, headers={"Last-Event-ID": ids[120]}).data)
    assert [one[0] for one in rest] == [*ids[121:], ""]


def test_a_quiet_stream_shows_that_it_stands(
    client: FlaskClient, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "BEAT_SECONDS", 0.0)
    upstream.tell(JOB_ID, "Created")
    pieces = client.get(STREAM, buffered=False).iter_encoded()
    assert [next(pieces) for _ in range(4)][2:] == [waiting.COMMENT] * 2


def test_who_leaves_ends_the_looking(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.get(STREAM, buffered=False)
    next(iter(reply.response))
    reply.close()
    asked = upstream.count(EVENTS)
    assert client.get(f"/jobs/{JOB_ID}").status_code == 200
    assert upstream.count(EVENTS) == asked


def test_followers_leave_places_for_answers(upstream: FakeOpenAI) -> None:
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, streams=4)).test_client()
    held = [client.get(STREAM, buffered=False) for _ in range(2)]
    refused = client.get(STREAM)
    assert (refused.status_code, refused.get_json()["response"]["code"]) == (503, "too_many_streams")
    assert client.post("/chat", json={"text": "Hi", "stream": True}).status_code == 200
    for reply in held:
        reply.close()
    upstream.finish()
    assert client.get(STREAM).status_code == 200


def test_a_stop_ends_it_with_an_event_that_says_so(client: FlaskClient) -> None:
    pieces = client.get(STREAM, buffered=False).iter_encoded()
    next(pieces)
    client.application.extensions["services"].chat.stop()
    assert read(b"".join(pieces))[-1][2]["error"]["code"] == "server_stopping"
    refused = client.get(STREAM)
    assert (refused.status_code, refused.get_json()["response"]["code"]) == (503, "server_stopping")


def test_an_unknown_job_is_404_before_any_event(client: FlaskClient) -> None:
    reply = client.get("/jobs/ftjob-nope/events?stream=true")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (404, "fine_tune_not_found")


@pytest.mark.parametrize(("query", "code"), [("limit=Ã", "invalid_value"), ("lmit=1", "unknown_parameter")])
def test_a_query_that_is_no_good_is_none_with_a_stream_either(client: FlaskClient, query: str, code: str) -> None:
    reply = client.get(f"{STREAM}&{query}")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (400, code)


def test_a_failure_amidst_is_the_last_event(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(EVENTS, refusal(500, "no", None))
    assert set(read(client.get(STREAM).data)[-1][2]) == {"error"}


def test_the_curve_comes_from_events_while_it_trains(client: FlaskClient, upstream: FakeOpenAI) -> None:
    for step in (1, 2, 2):
        upstream.tell(JOB_ID, "Step", {"step": step, "train_loss": 2.5 / step, "train_mean_token_accuracy": 0.5})
    curve = client.get(f"/jobs/{JOB_ID}/metrics").get_json()["response"]
    assert (curve["source"], curve["job_id"]) == ("events", JOB_ID)
    nothing = {"valid_loss": None, "valid_mean_token_accuracy": None}
    assert curve["points"] == [
        {"step": 1, "train_loss": 2.5, "train_accuracy": 0.5, **nothing},
        {"step": 2, "train_loss": 1.25, "train_accuracy": 0.5, **nothing},
    ]


def test_the_curve_comes_from_the_result_file_once_there_is_one(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.finish()
    curve = client.get(f"/jobs/{JOB_ID}/metrics").get_json()["response"]
    assert (curve["source"], curve["status"]) == ("result_file", "succeeded")
    assert curve["points"][1] == {
        "step": 2,
        "train_loss": 1.5,
        "train_accuracy": 0.5,
        "valid_loss": 1.75,
        "valid_mean_token_accuracy": 0.5,
    }
    assert curve["points"][0]["valid_loss"] is None


def test_a_result_file_that_was_deleted_leaves_the_events(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.tell(JOB_ID, "Step", {"step": 7, "train_loss": 0.5})
    upstream.finish()
    del upstream.files[RESULT_ID]
    curve = client.get(f"/jobs/{JOB_ID}/metrics").get_json()["response"]
    assert (curve["source"], [point["step"] for point in curve["points"]]) == ("events", [7])


def test_the_curve_is_a_table_too(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.finish()
    reply = client.get(f"/jobs/{JOB_ID}/metrics?format=csv")
    assert reply.mimetype == "text/csv"
    assert reply.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{JOB_ID}.csv"
    assert reply.text.splitlines() == [
        "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy",
        "1,2.5,0.25,,",
        "2,1.5,0.5,1.75,0.5",
    ]
    assert client.get(f"/jobs/{JOB_ID}/metrics?format=xml").status_code == 400


def test_a_job_is_paused_and_resumed(client: FlaskClient) -> None:
    for verb, status in (("pause", "paused"), ("resume", "queued")):
        assert client.post(f"/jobs/{JOB_ID}/{verb}").get_json()["response"]["status"] == status


def test_checkpoints_are_listed(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.finish()
    page = client.get(f"/jobs/{JOB_ID}/checkpoints?limit=5").get_json()["response"]
    assert [one["fine_tuned_model_checkpoint"] for one in page["data"]] == [CHECKPOINT]


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_upstream_without_the_call_says_so(client: FlaskClient, upstream: FakeOpenAI, verb: str) -> None:
    upstream.fail(f"POST /v1/fine_tuning/jobs/{JOB_ID}/{verb}", refusal(404, "Invalid URL", None))
    reply = client.post(f"/jobs/{JOB_ID}/{verb}")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (501, "not_served_upstream")


def test_a_refusal_keeps_its_reason(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(f"POST /v1/fine_tuning/jobs/{JOB_ID}/pause", refusal(400, "no", "invalid_job_state"))
    reply = client.post(f"/jobs/{JOB_ID}/pause")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (400, "invalid_job_state")


def test_a_curve_of_nonsense_is_empty(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.finish()
    upstream.fail(f"GET /v1/files/{RESULT_ID}/content", Fault("raw", raw=b"\x00 not a table"))
    assert client.get(f"/jobs/{JOB_ID}/metrics").get_json()["response"]["points"] == []
