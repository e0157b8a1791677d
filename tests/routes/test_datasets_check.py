"""Checking training data over HTTP: what passes, what is held against it, what is sent on."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from services.embedded import EmbeddedEngine
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI
from tests.fakes.ports import free_port
from tests.fakes.service import NO_DATA
from tests.routes.test_datasets import FILES, response, send
from tests.routes.test_documented_calls import LINE


def test_a_check_tells_of_each_file_whether_it_passes(client: FlaskClient, upstream: FakeOpenAI) -> None:
    bad = LINE.replace(b'"assistant"', b'"asistant"')
    reply = send(client, "check", (LINE, "good.jsonl"), (bad, "bad.jsonl"), profile="engine")
    good, bad_entry = response(reply)
    assert reply.status_code == 200
    assert [one["status"] for one in (good, bad_entry)] == ["passed", "failed"]
    assert good["response"]["examples"] == 1
    assert any("asistant" in finding["message"] for finding in bad_entry["response"]["findings"])
    assert upstream.seen == []


def test_what_passes_a_check_can_be_sent_on(client: FlaskClient, upstream: FakeOpenAI) -> None:
    bad = LINE.replace(b'"assistant"', b'"asistant"')
    good, failed = response(send(client, "check", (LINE, "good.jsonl"), (bad, "bad.jsonl"), upload="true"))
    assert good["file"]["id"] == FILE_ID
    assert "file" not in failed
    assert LINE in upstream.last(FILES).body


def against(client: FlaskClient, training: bytes, *files: tuple[bytes, str], **fields: Any) -> Any:
    """The entries of a check of these files against a training file."""
    reply = send(client, "check", *files, against=(io.BytesIO(training), "train.jsonl"), **fields)
    assert reply.status_code == 200
    return response(reply)


def test_validation_files_are_held_against_a_training_file(client: FlaskClient, upstream: FakeOpenAI) -> None:
    other = LINE.replace(b"Hi", b"Who goes there")
    files = [(LINE, "leaks.jsonl"), (other, "clean.jsonl"), (other + LINE, "both.jsonl")]
    entries = against(client, LINE.replace(b"Hi", b"HI") + LINE, *files, upload="true", profile="engine")
    assert [one["status"] for one in entries] == ["failed", "passed", "failed"]
    report = entries[0]["response"]
    leaked = [(one["line"], one["code"], one["severity"]) for one in report["findings"] if "leak" in one["code"]]
    assert (leaked, report["errors"]) == ([(1, "leak", "error")], 1)
    assert not any("leak" in one["code"] for one in entries[1]["response"]["findings"])
    assert ["file" in one for one in entries] == [False, True, False]
    assert upstream.count(FILES) == 1
    assert other in upstream.last(FILES).body


def test_what_only_looks_like_a_leak_is_sent_on(client: FlaskClient, upstream: FakeOpenAI) -> None:
    (entry,) = against(client, LINE.replace(b"Hi", b"HI"), (LINE, "a.jsonl"), upload="true", profile="engine")
    assert "similar_leak" in [one["code"] for one in entry["response"]["findings"]]
    assert (entry["status"], entry["file"]["id"]) == ("passed", FILE_ID)
    assert LINE in upstream.last(FILES).body


def test_what_is_checked_against_must_be_one_file(client: FlaskClient) -> None:
    for value, code in (
        ("train.jsonl", "invalid_type"),
        ([(io.BytesIO(LINE), "t.jsonl") for _ in "12"], "invalid_value"),
    ):
        reply = send(client, "check", (LINE, "a.jsonl"), against=value)
        told = response(reply)
        assert (reply.status_code, told["code"], told["param"]) == (400, code, "against")
    reply = client.post("/datasets/check?against=t.jsonl", data={"files": (io.BytesIO(LINE), "a.jsonl")})
    assert (reply.status_code, response(reply)["code"]) == (400, "invalid_type")


def test_a_training_file_over_the_limit_is_413_with_its_field(client: FlaskClient) -> None:
    reply = send(client, "check", (LINE, "a.jsonl"), against=(io.BytesIO(b" " * (1024 * 1024 + 1)), "t.jsonl"))
    told = response(reply)
    assert (reply.status_code, told["code"], told["param"]) == (413, "file_too_large", "against")


@pytest.mark.parametrize("call", ["convert", "statistics"])
def test_only_a_check_takes_a_training_file(client: FlaskClient, call: str) -> None:
    reply = send(client, call, (LINE, "a.jsonl"), against=(io.BytesIO(LINE), "t.jsonl"))
    assert (reply.status_code, response(reply)["code"]) == (400, "unknown_parameter")


def test_an_unknown_profile_is_told_with_those_there_are(client: FlaskClient) -> None:
    told = response(send(client, "check", (LINE, "a.jsonl"), profile="opneai"))
    assert (told["code"], told["param"]) == ("invalid_value", "profile")
    assert "openai, engine" in told["message"]


def test_the_embedded_engines_context_is_how_long_an_example_may_be() -> None:
    service = create_app(
        ServiceConfig(data_dir=NO_DATA), EmbeddedEngine("127.0.0.1", free_port()), context_tokens=64
    ).test_client()
    findings = response(send(service, "check", (LINE.replace(b"Hi", b"word " * 100), "a.jsonl")))[0]["response"][
        "findings"
    ]
    assert [one["severity"] for one in findings if one["code"] == "too_long"] == ["warning"]


def test_a_check_holds_examples_to_the_limit_of_the_model(client: FlaskClient) -> None:
    (entry,) = response(send(client, "check", (LINE, "a.jsonl"), profile="mistral", model="gpt-3.5-turbo-0125"))
    assert entry["response"]["max_tokens"] == 16_385
