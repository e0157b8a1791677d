"""Who did what: each call that changes or gives out something leaves one line, and no line holds what was said."""

import json
import re
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from observe.audit import KEPT, Audit
from routes.access import PUBLIC
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI

CONTENT = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "SAID-IN-A-BODY"}]}\n'
FILE = "audit.jsonl"


@pytest.fixture
def client(upstream: FakeOpenAI, tmp_path: Path) -> FlaskClient:
    return create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url)).test_client()


def lines(folder: Path) -> list[dict[str, Any]]:
    """Every line so far."""
    file = folder / FILE
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_every_endpoint_that_is_no_reading_leaves_one_line(client: FlaskClient, tmp_path: Path) -> None:
    asked = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint not in PUBLIC]
    rules = [rule for rule in asked if (rule.methods or set()) & {"POST", "DELETE"}]
    assert len(rules) > 7
    for number, rule in enumerate(rules, 1):
        method = next(iter((rule.methods or set()) & {"POST", "DELETE", "PUT", "PATCH"}))
        client.open(re.sub("<[^>]*>", "nope", rule.rule), method=method, headers={"X-Request-Id": f"req_{number}"})
        written = lines(tmp_path)
        assert len(written) == number, rule
        assert (written[-1]["action"], written[-1]["request_id"]) == (rule.endpoint, f"req_{number}")


def test_mere_reading_leaves_none(client: FlaskClient, tmp_path: Path) -> None:
    for path in ("/status", "/jobs", "/metrics", "/models", "/files", f"/jobs/{JOB_ID}/metrics", "/nope"):
        client.get(path)
    client.head(f"/files/{FILE_ID}/content")
    client.post("/nope")
    client.post("/status")
    assert lines(tmp_path) == []


def test_what_leaves_as_a_file_is_noted_and_who_asked_in_vain(
    client: FlaskClient, upstream: FakeOpenAI, tmp_path: Path
) -> None:
    upstream.new_file("train.jsonl", 8)
    upstream.new_job({"model": "m", "training_file": FILE_ID})
    for path in (f"/files/{FILE_ID}/content", f"/jobs/{JOB_ID}/metrics?format=csv", "/files/file-nope/content"):
        client.get(path)
    client.get("/models/ft:mine:x::y/export?format=gguf")
    told = [(line["action"], line["subjects"], line["status"]) for line in lines(tmp_path)]
    assert told == [
        ("files.file_content", [FILE_ID], 200),
        ("jobs.list_metrics", [JOB_ID], 200),
        ("files.file_content", ["file-nope"], 404),
        ("models.export_model", ["ft:mine:x::y"], 404),
    ]


def test_a_login_by_the_page_is_noted(client: FlaskClient, tmp_path: Path) -> None:
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("red", frozenset({"read"}))
    client.post("/dashboard/login", data={"key": token}, content_type="application/x-www-form-urlencoded")
    (line,) = lines(tmp_path)
    assert (line["action"], line["key"], line["status"]) == ("dashboard.entrance.enter", key.id, 303)


def test_who_is_not_let_in_is_noted_with_address_and_reason(client: FlaskClient, tmp_path: Path) -> None:
    client.post("/chat", headers={"Host": "evil.test"})
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("red", frozenset({"read"}))
    for headers in ({}, {"Authorization": "Bearer t9_guess"}, {"Authorization": f"Bearer {token}"}):
        client.post("/chat", json={"text": "x"}, headers=headers)
    client.post("/dashboard/login", data={"key": "t9_x"}, content_type="application/x-www-form-urlencoded")
    client.application.extensions["refusals"].end()
    told = [(line["code"], line["status"], line["key"], line["count"]) for line in lines(tmp_path)]
    assert told == [
        ("host_not_allowed", 403, "nobody", 1),
        ("missing_api_key", 401, "nobody", 1),
        ("invalid_api_key", 401, "nobody", 1),
        ("insufficient_scope", 403, key.id, 1),
        ("invalid_api_key", 401, "nobody", 1),  # that of the page, counted until the end
    ]
    assert {(line["action"], line["address"]) for line in lines(tmp_path)} == {("refused", "127.0.0.1")}


def test_a_line_says_when_who_what_on_what_and_how_it_ended(client: FlaskClient, tmp_path: Path) -> None:
    client.post("/upload_files", data={"files": (BytesIO(CONTENT), "train.jsonl")})
    checked = client.post("/datasets/check?upload=true", data={"files": (BytesIO(CONTENT), "train.jsonl")})
    client.post("/fine_tuning", json={"training_file": FILE_ID})
    client.post("/retrieve", json={"fine_tuning_job_id": JOB_ID})
    client.post("/jobs/nope/cancel")
    client.post("/chat", json={"text": "SAID-IN-A-BODY", "model": "mine", "stream": True}).get_data()
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("red", frozenset({"admin"}))
    client.post("/chat", json={"text": "SAID-IN-A-BODY"}, headers={"Authorization": f"Bearer {token}"})
    written = lines(tmp_path)
    assert all(set(line) == {"time", "request_id", "key", "action", "subjects", "status"} for line in written)
    told = [(line["action"].split(".")[1], line["subjects"], line["status"], line["key"]) for line in written]
    assert told == [
        ("upload_files", [FILE_ID], 200, "nobody"),
        ("check", [checked.get_json()["response"][0]["file"]["id"]], 200, "nobody"),
        ("fine_tuning", [FILE_ID, JOB_ID], 200, "nobody"),
        ("retrieve", [JOB_ID], 200, "nobody"),
        ("cancel_job", ["nope"], 404, "nobody"),
        ("chat", ["mine"], 200, "nobody"),
        ("chat", [], 200, key.id),
    ]
    assert "SAID-IN-A-BODY" not in (tmp_path / FILE).read_text()


def test_only_its_owner_may_read_it_and_no_line_can_be_broken(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    Audit(folder / FILE).write({"subjects": ["a\nb\x1b[2J", "x" * 10_000, "t9_" + "k" * 43]})
    (line,) = (folder / FILE).read_text().splitlines()
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert len(line) < 1000
    assert "k" * 43 not in line


def test_a_full_file_makes_room_for_the_next_and_the_oldest_goes(tmp_path: Path) -> None:
    audit = Audit(tmp_path / FILE, most_bytes=200, now=lambda: 0.0)
    for number in range(100):
        audit.write({"request_id": f"req_{number}"})
    files = sorted(tmp_path.iterdir())
    assert len(files) in (KEPT, KEPT + 1)
    kept = [json.loads(line)["request_id"] for file in files for line in file.read_text().splitlines()]
    assert len({*kept}) == len(kept)
    newest = (tmp_path / f"{FILE}.1").read_text()
    assert "req_9" in newest
    assert all(file.stat().st_size < 300 for file in files)


def test_what_cannot_be_written_is_said_and_the_call_goes_on(
    client: FlaskClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).mkdir()
    assert client.post("/chat", json={"text": "x"}).status_code == 200
    assert "audit.jsonl cannot be written" in caplog.text
    assert "chat.chat" in caplog.text
