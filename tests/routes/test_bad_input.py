"""Bad input gets a clear 4xx that names the field, and nothing goes upstream."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI

JOB: dict[str, Any] = {"training_file": FILE_ID}


def epochs(value: object) -> dict[str, Any]:
    return {**JOB, "hyperparameters": {"n_epochs": value}}


BAD: list[tuple[str, object, str, str | None]] = [
    ("/fine_tuning", {}, "missing_required_parameter", "training_file"),
    ("/fine_tuning", {"training_file": 7}, "invalid_type", "training_file"),
    ("/fine_tuning", {"training_file": ""}, "invalid_value", "training_file"),
    ("/fine_tuning", {**JOB, "model": ""}, "invalid_value", "model"),
    ("/fine_tuning", {**JOB, "suffix": "x" * 65}, "invalid_value", "suffix"),
    ("/fine_tuning", epochs(0), "invalid_value", "hyperparameters.n_epochs"),
    ("/fine_tuning", epochs(-1), "invalid_value", "hyperparameters.n_epochs"),
    ("/fine_tuning", epochs(1.5), "invalid_value", "hyperparameters.n_epochs"),
    ("/fine_tuning", epochs("3"), "invalid_value", "hyperparameters.n_epochs"),
    ("/fine_tuning", epochs(10**9), "invalid_value", "hyperparameters.n_epochs"),
    ("/fine_tuning", {**JOB, "sufix": "x"}, "unknown_parameter", "sufix"),
    ("/fine_tuning", {**JOB, "hyperparameters": {"epochs": 3}}, "unknown_parameter", "hyperparameters.epochs"),
    ("/fine_tuning", {**JOB, "metadata": {"tune9527_request": "x"}}, "invalid_value", "metadata.tune9527_request"),
    ("/fine_tuning", {**JOB, "metadata": {str(n): "" for n in range(14)}}, "invalid_value", "metadata"),
    (
        "/fine_tuning",
        {
            **epochs(3),
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
        },
        "invalid_value",
        "hyperparameters",
    ),
    ("/retrieve", {}, "missing_required_parameter", "fine_tuning_job_id"),
    ("/retrieve", {"fine_tuning_job": "x"}, "unknown_parameter", "fine_tuning_job"),
    ("/retrieve", {"fine_tuning_job_id": ["x"]}, "invalid_type", "fine_tuning_job_id"),
    ("/chat", {}, "invalid_value", None),
    ("/chat", {"text": "x", "messages": [{"role": "user", "content": "x"}]}, "invalid_value", None),
    ("/chat", {"text": ""}, "invalid_value", "text"),
    ("/chat", {"text": 5}, "invalid_type", "text"),
    ("/chat", {"txt": "x"}, "unknown_parameter", "txt"),
    ("/chat", {"text": "x", "temprature": 1}, "unknown_parameter", "temprature"),
    ("/chat", {"text": "x", "temperature": 3}, "invalid_value", "temperature"),
    ("/chat", {"text": "x", "temperature": "1"}, "invalid_type", "temperature"),
    ("/chat", {"text": "x", "stream": "yes"}, "invalid_type", "stream"),
    ("/chat", {"text": "x", "n": 2}, "unsupported_parameter", "n"),
    ("/chat", {"text": "x", "tools": [{"type": "function"}]}, "unsupported_parameter", "tools"),
    ("/chat", {"text": "x", "logprobs": True}, "unsupported_parameter", "logprobs"),
    ("/chat", {"text": "x", "top_logprobs": 2}, "invalid_value", "top_logprobs"),
    ("/chat", {"text": "x", "logprobs": True, "top_logprobs": 2}, "unsupported_parameter", "logprobs"),
    ("/chat", {"messages": []}, "invalid_value", "messages"),
    ("/chat", {"messages": [None]}, "invalid_type", "messages.0"),
    ("/chat", {"messages": [{"role": "asistant", "content": "x"}]}, "invalid_value", "messages.0.role"),
]
JSON_BODIES = {
    "broken": (b'{"text": ', 400, "invalid_json"),
    "empty": (b"", 400, "invalid_json"),
    "array": (b"[]", 400, "body_must_be_object"),
    "null": (b"null", 400, "body_must_be_object"),
    "a string": (b'"x"', 400, "body_must_be_object"),
    "nested deep": (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "json_too_deep"),
    "NaN": (b'{"text": NaN}', 400, "invalid_number"),
    "1e400": (b'{"text": 1e400}', 400, "invalid_number"),
    "twice the same key": (b'{"text": "a", "text": "b"}', 400, "duplicate_key"),
    "half a surrogate pair": (b'{"text": "\\ud800"}', 400, "invalid_unicode"),
    "UTF-16": ('{"text": "x"}'.encode("utf-16"), 400, "invalid_encoding"),
    "too large": (b'{"text": "' + b"x" * 9_000_000 + b'"}', 413, "body_too_large"),
}


@pytest.mark.parametrize(("path", "body", "code", "param"), BAD)
def test_a_wrong_field_is_named(
    client: FlaskClient, upstream: FakeOpenAI, path: str, body: object, code: str, param: str | None
) -> None:
    reply = client.post(path, json=body)
    told = reply.get_json()["response"]
    assert (reply.status_code, told["code"], told["param"]) == (400, code, param), told["message"]
    assert upstream.seen == []


@pytest.mark.parametrize("path", ["/fine_tuning", "/retrieve", "/chat"])
@pytest.mark.parametrize("name", JSON_BODIES)
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, upstream: FakeOpenAI, path: str, name: str
) -> None:
    body, status, code = JSON_BODIES[name]
    reply = client.post(path, data=body, content_type="application/json")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (status, code)
    assert upstream.seen == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", None])
@pytest.mark.parametrize("path", ["/fine_tuning", "/retrieve", "/chat", "/upload_files"])
def test_another_content_type_is_refused(client: FlaskClient, path: str, content_type: str | None) -> None:
    reply = client.post(path, data=json.dumps({"text": "x"}), content_type=content_type)
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (415, "unsupported_content_type")


def test_a_compressed_body_is_refused(client: FlaskClient) -> None:
    reply = client.post("/chat", json={"text": "x"}, headers={"Content-Encoding": "gzip"})
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize(
    ("body", "meant"),
    [({"text": "x", "temprature": 1}, "temperature"), ({"txt": "x"}, "text"), ({"text": "x", "modle": "m"}, "model")],
)
def test_an_unknown_field_is_told_which_one_was_meant(client: FlaskClient, body: dict[str, Any], meant: str) -> None:
    assert f"Did you mean '{meant}'?" in client.post("/chat", json=body).get_json()["response"]["message"]


@pytest.mark.parametrize("job_id", ["ftjob-nope", "../x", ".."])
def test_an_unknown_job_is_one_404_that_names_our_field(client: FlaskClient, job_id: str) -> None:
    reply = client.post("/retrieve", json={"fine_tuning_job_id": job_id})
    told = reply.get_json()["response"]
    assert (reply.status_code, told["code"], told["param"]) == (404, "fine_tune_not_found", "fine_tuning_job_id")


def test_an_unknown_file_is_the_upstreams_400(client: FlaskClient) -> None:
    reply = client.post("/fine_tuning", json={"training_file": "file-nope"})
    assert reply.status_code == 400
    assert reply.get_json()["response"] | {"request_id": ""} == {
        "message": "invalid training_file: file-nope",
        "type": "invalid_request_error",
        "param": "training_file",
        "code": None,
        "request_id": "",
    }


@pytest.mark.parametrize("job_id", ["../models", "a/b", "..", ".", "ftjob-?x=1#y", "任务"])
def test_a_job_id_never_becomes_another_path(client: FlaskClient, upstream: FakeOpenAI, job_id: str) -> None:
    reply = client.post("/retrieve", json={"fine_tuning_job_id": job_id})
    assert reply.status_code == 404
    assert all(seen.path == f"/v1/fine_tuning/jobs/{job_id}" for seen in upstream.seen)


def test_null_stands_for_a_field_that_is_not_there(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.new_file("a.jsonl", 1)
    reply = client.post("/fine_tuning", json={**JOB, "model": None, "suffix": None, "seed": None, "metadata": None})
    assert reply.status_code == 200
    assert client.post("/chat", json={"text": "x", "system": None, "temperature": None, "n": None}).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"hyperparameters": {"n_epochs": 3, "batch_size": "auto"}},
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}},
        {
            "hyperparameters": {"n_epochs": 3},
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
        },
    ],
)
def test_hyperparameters_go_upstream_the_way_the_caller_sent_them(
    client: FlaskClient, upstream: FakeOpenAI, fields: dict[str, Any]
) -> None:
    upstream.new_file("a.jsonl", 1)
    assert client.post("/fine_tuning", json={**JOB, **fields, "suffix": "me"}).status_code == 200
    sent = upstream.last("POST /v1/fine_tuning/jobs").json
    del sent["metadata"]
    assert sent == {**JOB, **fields, "suffix": "me", "model": "gpt-3.5-turbo-1106"}
