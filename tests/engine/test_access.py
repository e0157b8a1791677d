"""The engine's port counts calls and keeps who did what, as the service's does; the service itself is not counted."""

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config import EngineConfig
from engine.app import create_engine
from engine.routes.proof import ENDPOINT
from gate import KeyFile
from tests.test_error_shape import assert_engine_shape
from wire import proof

SECRET = "known-to-both"
SERVICE = {"Authorization": f"Bearer {SECRET}"}
LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "SAID-IN-A-BODY"}]}\n'
Make = Callable[..., FlaskClient]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def client(**settings: Any) -> FlaskClient:
        return create_engine(EngineConfig(data_dir=tmp_path, **settings)).test_client()

    return client


def lines(folder: Path) -> list[dict[str, Any]]:
    file = folder / "audit.engine.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def upload(client: FlaskClient, **headers: str) -> Any:
    form = {"purpose": "fine-tune", "file": (BytesIO(LINE), "a.jsonl")}
    return client.post("/v1/files", data=form, headers=headers).get_json()


def test_keys_are_not_guessed_faster_than_the_rate(make: Make) -> None:
    client = make(api_key=SECRET, rate_limit=5)
    guesses = [client.get("/v1/models", headers={"Authorization": f"Bearer {n}"}) for n in range(7)]
    assert [one.status_code for one in guesses] == [401] * 5 + [429] * 2
    assert_engine_shape(guesses[-1])
    assert guesses[-1].get_json()["error"]["code"] == "rate_limited"
    assert int(guesses[-1].headers["Retry-After"]) > 0
    assert client.get("/v1/models", headers=SERVICE).status_code == 200


def test_each_key_has_its_rate_and_the_service_none(make: Make, tmp_path: Path) -> None:
    client, keys = make(api_key=SECRET, rate_limit=3), KeyFile(tmp_path / "keys.sqlite3")
    red, blue = ({"Authorization": f"Bearer {keys.make(name, frozenset({'admin'}))[0]}"} for name in ("red", "blue"))
    assert [client.get("/v1/models", headers=red).status_code for _ in range(5)] == [200] * 3 + [429] * 2
    assert client.get("/v1/models", headers=blue).status_code == 200
    assert {client.get("/v1/models", headers=SERVICE).status_code for _ in range(9)} == {200}


def test_where_no_key_is_asked_for_nobody_is_counted(make: Make) -> None:
    client = make(rate_limit=1)
    assert {client.get("/v1/models").status_code for _ in range(5)} == {200}


def test_proofs_are_not_counted(make: Make) -> None:
    client = make(api_key=SECRET, rate_limit=1)
    assert {client.post(proof.PATH, headers={proof.CHALLENGE: "0" * 64}).status_code for _ in range(5)} == {204}


def test_every_endpoint_that_is_no_reading_leaves_one_line(make: Make, tmp_path: Path) -> None:
    client = make(api_key=SECRET)
    asked = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint != ENDPOINT]
    rules = [(rule, method) for rule in asked for method in (rule.methods or set()) & {"POST", "DELETE"}]
    assert len(rules) > 20
    for number, (rule, method) in enumerate(rules, 1):
        client.open(re.sub("<[^>]*>", "nope", rule.rule), method=method, headers=SERVICE)
        written = lines(tmp_path)
        assert len(written) == number, rule
        assert (written[-1]["action"], written[-1]["key"]) == (rule.endpoint, "service")


def test_a_line_says_who_what_on_what_and_how_it_ended(make: Make, tmp_path: Path) -> None:
    client = make()
    file_id = upload(client)["id"]
    job = client.post("/v1/fine_tuning/jobs", json={"model": "smollm2-135m-instruct", "training_file": file_id})
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("red", frozenset({"admin"}))
    client.delete(f"/v1/files/{file_id}", headers={"Authorization": f"Bearer {token}"})
    written = lines(tmp_path)
    assert all(set(line) == {"time", "request_id", "key", "action", "subjects", "status"} for line in written)
    assert [(line["action"], line["subjects"], line["status"], line["key"]) for line in written] == [
        ("files.create", [file_id], 200, "nobody"),
        ("fine_tuning.create", [job.get_json()["id"], file_id, "smollm2-135m-instruct"], 200, "nobody"),
        ("files.delete", [file_id], 200, key.id),
    ]
    assert "SAID-IN-A-BODY" not in (tmp_path / "audit.engine.jsonl").read_text()


def test_reading_and_what_is_not_let_in_leave_none(make: Make, tmp_path: Path) -> None:
    client = make(api_key=SECRET)
    client.get("/v1/models", headers=SERVICE)
    client.post("/v1/nope", headers=SERVICE)
    client.post("/v1/files")
    client.post("/v1/files", headers=SERVICE | {"Host": "evil.test"})
    client.post(proof.PATH, headers={proof.CHALLENGE: "0" * 64})
    assert lines(tmp_path) == []
