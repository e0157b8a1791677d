"""Two keys on one service, in front of a live engine: what one uploads, trains and gets, the other never sees."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from tests.fakes.ports import until
from tests.live_engine import LiveEngine

LINE = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "answer"}]}
CONTENT = b"".join(json.dumps(LINE).encode() + b"\n" for _ in range(10))


@dataclass(frozen=True)
class Team:
    """Whoever holds one key; `token` is empty for a key's maker, who is an admin."""

    client: FlaskClient
    token: str

    def ask(self, path: str, method: str = "POST", **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        reply = self.client.open(path, method=method, headers=headers | options.pop("headers", {}), **options)
        return reply.status_code, reply.get_json()["response"]

    def upload(self, path: str = "/upload_files", **fields: str) -> Any:
        status, response = self.ask(path, data={"files": (BytesIO(CONTENT), "training.jsonl"), **fields})
        assert status == 200
        return response[0]

    def train(self, file_id: str, **more: Any) -> tuple[int, Any]:
        asked = {"training_file": file_id, "model": "tiny", "hyperparameters": {"n_epochs": 1}}
        return self.ask("/fine_tuning", json={**asked, **more})

    def jobs(self) -> list[str]:
        return [job["id"] for job in self.ask("/jobs", "GET")[1]["data"]]


@pytest.fixture(scope="module")
def teams(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Team]]:
    engine = LiveEngine(tmp_path_factory.mktemp("engine"), tiny_gguf, LOG_LEVEL="WARNING")
    folder = tmp_path_factory.mktemp("service")
    keys = KeyFile(folder / "keys.sqlite3")
    use = frozenset({"read", "train", "chat"})
    scopes = {"red": use, "blue": use, "admin": frozenset({"admin"})}
    client = create_app(ServiceConfig(data_dir=folder, openai_base_url=engine.url, rate_limit=0)).test_client()
    engine.wait()
    yield {name: Team(client, keys.make(name, allowed)[0]) for name, allowed in scopes.items()}
    engine.end()


@pytest.fixture(scope="module")
def reds(teams: dict[str, Team]) -> dict[str, Any]:
    """A job of the red team that has succeeded."""
    file = teams["red"].upload()["response"]
    assert file["filename"] == "training.jsonl"
    status, job = teams["red"].train(file["id"])
    assert status == 200
    return {**until(lambda: _succeeded(teams["red"], job["id"])), "training_file": file["id"]}


def _succeeded(team: Team, job_id: str) -> Any:
    job = team.ask("/retrieve", json={"fine_tuning_job_id": job_id})[1]
    assert job["status"] not in ("failed", "cancelled")
    return job if job["status"] == "succeeded" else None


def test_ones_own_file_job_and_model_work(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    assert teams["red"].jobs() == [reds["id"]]
    assert teams["red"].ask(f"/jobs/{reds['id']}/events", "GET")[0] == 200
    status, answer = teams["red"].ask("/chat", json={"text": "q", "model": reds["fine_tuned_model"], "max_tokens": 4})
    assert (status, answer["model"]) == (200, reds["fine_tuned_model"])


def test_another_teams_job_is_not_found(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    blue, job_id = teams["blue"], reds["id"]
    unknown = blue.ask("/retrieve", json={"fine_tuning_job_id": "ftjob-nope"})
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("/retrieve", "POST", {"json": {"fine_tuning_job_id": job_id}}),
        (f"/jobs/{job_id}", "GET", {}),
        (f"/jobs/{job_id}/events", "GET", {}),
        (f"/jobs/{job_id}/cancel", "POST", {}),
    ]
    for path, method, options in asked:
        status, error = blue.ask(path, method, **options)
        assert (status, error["code"], error["param"]) == (404, unknown[1]["code"], unknown[1]["param"])
        assert error["message"].replace(job_id, "") == unknown[1]["message"].replace("ftjob-nope", "")
    assert blue.jobs() == []


def test_another_teams_file_is_not_found(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    for status, error in (
        teams["blue"].train(reds["training_file"]),
        teams["blue"].train(teams["blue"].upload()["response"]["id"], validation_file=reds["training_file"]),
    ):
        assert (status, error["type"]) == (404, "invalid_request_error")
    assert teams["blue"].jobs() == []


@pytest.mark.parametrize("checkpoint", ["", ":ckpt-step-1"])
def test_another_teams_model_does_not_exist(teams: dict[str, Team], reds: dict[str, Any], checkpoint: str) -> None:
    model = reds["fine_tuned_model"] + checkpoint
    own = teams["blue"].upload()["response"]["id"]
    for status, error in (
        teams["blue"].ask("/chat", json={"text": "q", "model": model}),
        teams["blue"].ask("/chat", json={"text": "q", "model": model, "stream": True}),
        teams["blue"].train(own, model=model),
    ):
        assert (status, error["code"]) == (404, "model_not_found")


def test_the_same_idempotency_key_of_two_teams_starts_two_jobs(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    headers, started = {"Idempotency-Key": "monday"}, dict[str, Any]()
    for name in ("red", "blue"):
        own = teams[name].upload("/datasets/check", upload="true")["file"]["id"]
        asked = {"training_file": own, "model": "tiny"}
        started[name] = teams[name].ask("/fine_tuning", json=asked, headers=headers)[1]["id"]
        assert teams[name].ask("/fine_tuning", json=asked, headers=headers)[1]["id"] == started[name]
    assert started["red"] != started["blue"]
    for name, job_id in started.items():
        assert job_id in teams[name].jobs()
        assert teams[name].ask(f"/jobs/{job_id}/cancel")[0] == 200


def test_an_admin_sees_everybodys(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    assert reds["id"] in teams["admin"].jobs()
    assert teams["admin"].ask("/chat", json={"text": "q", "model": reds["fine_tuned_model"], "max_tokens": 4})[0] == 200
