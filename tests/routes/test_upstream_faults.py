"""Whatever the upstream does, the caller gets the right status, code and message, and a create is sent once."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config import ServiceConfig
from services.embedded import EmbeddedEngine, Patience
from tests.fakes.misbehaviour import KINDS
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI, Fault, refusal
from tests.fakes.ports import free_port
from tests.fakes.service import NO_DATA
from tests.routes.conftest import KEY
from tests.routes.test_documented_calls import LINE

CALLS = {
    "/upload_files": "POST /v1/files",
    "/fine_tuning": "POST /v1/fine_tuning/jobs",
    "/retrieve": f"GET /v1/fine_tuning/jobs/{JOB_ID}",
    "/chat": "POST /v1/chat/completions",
}
MASKED = "Incorrect API key provided: ****stuv. You can find your API key at https://platform.openai.com."
WINDING_DOWN = (
    "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new "
    "fine-tuning training jobs."
)
HANG = Fault("hang", seconds=1.0)
DROP = Fault("drop")
GARBAGE = Fault("raw", raw=b"<html>it works!</html>", headers={"Content-Type": "text/html"})
FAULTS = {
    "401": (refusal(401, MASKED, "invalid_api_key"), 401, "invalid_api_key", "Incorrect API key"),
    "429": (refusal(429, "Rate limit reached", "rate_limit_exceeded", "requests", Retry_After="7"), 429, None, "Rate"),
    "500": (refusal(500, "The server had an error while processing your request", None, "server_error"), 500, None, ""),
    "503": (refusal(503, "Overloaded", "server_is_overloaded", "service_unavailable_error"), 503, None, "Overloaded"),
    "500 without an error object": (Fault("status", 500, raw=b"<h1>oops</h1>"), 500, None, "answered 500"),
    "404 as plain text": (Fault("status", 404, raw=b"nope"), 404, None, "answered 404"),
    "drop": (DROP, 502, "upstream_unreachable", "broke the connection off"),
    "timeout": (HANG, 504, "upstream_timeout", "did not answer in time"),
    "garbage": (GARBAGE, 502, "upstream_invalid", "not JSON"),
    "an array": (Fault("raw", raw=b"[1]"), 502, "upstream_invalid", "not a JSON object"),
    "an empty object": (Fault("raw", raw=b"{}"), 502, "upstream_invalid", ""),
}


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait between the looks for a job whose creation was not answered."""
    monkeypatch.setattr("services.creates.LOOKS", (0.0,) * 5)


def call(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    if path == "/upload_files":
        return client.post(path, data={"files": (io.BytesIO(LINE), "a.jsonl")}, headers=headers)
    body = {
        "/fine_tuning": {"training_file": FILE_ID},
        "/retrieve": {"fine_tuning_job_id": JOB_ID},
        "/chat": {"text": "Hi"},
    }
    return client.post(path, json=body[path], headers=headers)


def failure(reply: TestResponse) -> dict[str, Any]:
    body = reply.get_json()
    assert set(body) == {"info", "response"}
    assert body["info"] == "error"
    assert set(body["response"]) == {"type", "code", "message", "param", "request_id"}
    assert body["response"]["request_id"] == reply.headers["X-Request-Id"]
    return dict(body["response"])


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_as_it_is(client: FlaskClient, upstream: FakeOpenAI, path: str, name: str) -> None:
    fault, status, code, words = FAULTS[name]
    if path == "/fine_tuning" and status >= 500:
        status, code = 504, "needs_attention"
    upstream.fail(CALLS[path], fault)
    reply = call(client, path)
    told = failure(reply)
    assert reply.status_code == status
    assert words in told["message"]
    if code:
        assert told["code"] == code
    assert upstream.count(CALLS[path]) == 1


REFUSALS = (
    "a message of megabytes",
    "an endless refusal",
    "a refusal that drips",
    "a refusal that stops",
    "a refusal cut short",
    "a refusal reset",
    "a refusal in gzip",
)


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_whatever_becomes_of_its_words(
    client: FlaskClient, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    monkeypatch.setattr("services.bounded.REASON_SECONDS", 0.1)
    upstream.fail(CALLS[path], KINDS[name].fault)
    reply = call(client, path)
    assert reply.status_code == 400
    assert failure(reply)["message"] == "The upstream answered 400 without a reason."
    assert len(upstream.seen) == 1, "nothing is in doubt, so nothing is looked for"


@pytest.mark.parametrize("path", CALLS)
def test_retry_after_passes_through(client: FlaskClient, upstream: FakeOpenAI, path: str) -> None:
    upstream.fail(CALLS[path], FAULTS["429"][0])
    assert call(client, path).headers["Retry-After"] == "7"


@pytest.mark.parametrize("path", CALLS)
def test_an_upstream_that_is_down_is_said_with_its_address(path: str) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=url)).test_client()
    reply = call(client, path)
    told = failure(reply)
    assert (reply.status_code, told["code"]) == (502, "upstream_unreachable")
    assert url in told["message"]
    assert "not known whether" not in told["message"], "nothing was sent, so nothing is in doubt"


def test_the_end_of_openais_training_is_told_with_the_way_out(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CALLS["/fine_tuning"], refusal(403, WINDING_DOWN, "training_not_available"))
    reply = call(client, "/fine_tuning")
    told = failure(reply)
    assert (reply.status_code, told["code"]) == (403, "training_not_available")
    assert told["message"].startswith(WINDING_DOWN)
    assert "Unset OPENAI_API_KEY" in told["message"]


def test_the_retired_default_model_is_told_with_its_date_and_the_way_out(
    client: FlaskClient, upstream: FakeOpenAI
) -> None:
    message = "The model `gpt-3.5-turbo-1106` does not exist or you do not have access to it."
    upstream.fail(CALLS["/chat"], refusal(404, message, "model_not_found"))
    reply = call(client, "/chat")
    told = failure(reply)
    assert (reply.status_code, told["code"]) == (404, "model_not_found")
    assert told["message"].startswith(message)
    for word in ("2026-09-28", "DEFAULT_MODEL", "unset OPENAI_API_KEY"):
        assert word in told["message"]


def test_a_retired_base_model_of_a_job_is_told_too(client: FlaskClient, upstream: FakeOpenAI) -> None:
    message = "Model gpt-3.5-turbo-1106 is not available for fine-tuning or does not exist."
    upstream.fail(CALLS["/fine_tuning"], refusal(400, message, "model_not_available"))
    assert "2026-09-28" in failure(call(client, "/fine_tuning"))["message"]


@pytest.mark.parametrize("fault", [DROP, HANG, FAULTS["500"][0], GARBAGE], ids=["drop", "timeout", "500", "garbage"])
def test_a_create_without_an_answer_is_looked_up_not_repeated(
    client: FlaskClient, upstream: FakeOpenAI, fault: Fault
) -> None:
    upstream.new_file("a.jsonl", 1)
    upstream.fail(CALLS["/fine_tuning"], Fault(**{**vars(fault), "after_work": True}))
    reply = call(client, "/fine_tuning")
    assert reply.status_code == 200
    assert reply.get_json()["response"]["id"] == JOB_ID
    assert upstream.count(CALLS["/fine_tuning"]) == 1
    assert len(upstream.jobs) == 1


@pytest.mark.parametrize("name", ["drop", "timeout", "500", "garbage"])
def test_a_create_that_stays_unknown_says_so_and_how_to_find_out(
    client: FlaskClient, upstream: FakeOpenAI, name: str
) -> None:
    upstream.fail(CALLS["/fine_tuning"], FAULTS[name][0])
    told = failure(call(client, "/fine_tuning"))
    tag = upstream.last(CALLS["/fine_tuning"]).json["metadata"]["tune9527_request"]
    assert "not known whether a job was started" in told["message"]
    assert f"tune9527_request={tag}" in told["message"]
    assert "GET /jobs" in told["message"]


def test_an_engine_that_is_still_starting_leaves_nothing_in_doubt() -> None:
    engine = EmbeddedEngine("127.0.0.1", free_port(), patience=Patience(call=0.0))
    reply = call(create_app(ServiceConfig(data_dir=NO_DATA), engine).test_client(), "/fine_tuning")
    told = failure(reply)
    assert (reply.status_code, told["code"], reply.headers["Retry-After"]) == (503, "engine_unavailable", "5")
    assert "not known whether" not in told["message"]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "key-1"}], ids=["no key", "a key"])
def test_a_repeated_key_is_advised_to_those_who_sent_one(
    client: FlaskClient, upstream: FakeOpenAI, headers: dict[str, str]
) -> None:
    upstream.fail(CALLS["/fine_tuning"], DROP)
    told = failure(call(client, "/fine_tuning", **headers))
    assert ("Idempotency-Key" in told["message"]) is bool(headers)


def test_an_upstream_that_cannot_be_asked_afterwards_is_said(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CALLS["/fine_tuning"], DROP)
    upstream.fail("GET /v1/fine_tuning/jobs", *[DROP] * 5)
    told = failure(call(client, "/fine_tuning"))
    assert "could not be asked" in told["message"]


def test_an_upstream_that_cannot_filter_by_metadata_does_not_hand_us_somebody_elses_job(
    client: FlaskClient, upstream: FakeOpenAI
) -> None:
    other = b'{"object": "list", "data": [{"id": "ftjob-other", "metadata": {}}], "has_more": false}'
    upstream.fail(CALLS["/fine_tuning"], DROP)
    upstream.fail("GET /v1/fine_tuning/jobs", *[Fault("raw", raw=other)] * 5)
    assert failure(call(client, "/fine_tuning"))["code"] == "needs_attention"


def test_the_key_is_never_in_a_reply_or_in_the_log(
    client: FlaskClient, upstream: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    upstream.fail(CALLS["/chat"], refusal(401, f"Incorrect API key provided: {KEY}.", "invalid_api_key"))
    reply = call(client, "/chat")
    assert "****stuv" in failure(reply)["message"]
    assert KEY not in reply.get_data(as_text=True)
    assert KEY not in caplog.text
    assert upstream.last(CALLS["/chat"]).headers["authorization"] == f"Bearer {KEY}"


def test_an_upstream_without_a_key_gets_a_dummy(upstream: FakeOpenAI) -> None:
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url)).test_client()
    assert call(client, "/chat").status_code == 200
    assert upstream.last(CALLS["/chat"]).headers["authorization"].startswith("Bearer no-key")


@pytest.mark.parametrize(
    ("second", "status"), [(b"nonsense", "rejected"), (LINE, "failed")], ids=["rejected", "failed"]
)
def test_when_no_file_got_through_each_has_its_entry(
    client: FlaskClient, upstream: FakeOpenAI, second: bytes, status: str
) -> None:
    busy = refusal(429, "slow down", "slow_down", Retry_After="3")
    upstream.fail(CALLS["/upload_files"], busy, busy)
    files = [(io.BytesIO(LINE), "a.jsonl"), (io.BytesIO(second), "b.jsonl")]
    reply = client.post("/upload_files", data={"files": files})
    told = reply.get_json()["response"]
    assert (reply.status_code, told["code"], reply.headers["Retry-After"]) == (429, "slow_down", "3")
    assert [(entry["filename"], entry["status"]) for entry in told["files"]] == [
        ("a.jsonl", "failed"),
        ("b.jsonl", status),
    ]


def test_an_upload_that_the_upstream_refuses_for_one_file_lets_the_other_through(
    client: FlaskClient, upstream: FakeOpenAI
) -> None:
    upstream.fail(CALLS["/upload_files"], refusal(400, "no", "bad_file"))
    files = [(io.BytesIO(LINE), "a.jsonl"), (io.BytesIO(LINE), "b.jsonl")]
    reply = client.post("/upload_files", data={"files": files})
    first, second = reply.get_json()["response"]
    assert reply.status_code == 207
    assert (first["status"], first["response"]["code"]) == ("failed", "bad_file")
    assert second["status"] == "uploaded"
