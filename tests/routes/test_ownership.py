"""Two keys on one service, in front of a live engine: what one uploads, trains and gets, the other never sees."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from engine.exports import FORMATS
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

    def download(self, path: str) -> bytes:
        reply = self.client.get(path, headers={"Authorization": f"Bearer {self.token}"})
        assert reply.status_code == 200
        return bytes(reply.data)

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
        *((f"/jobs/{job_id}/{verb}", "POST", {}) for verb in ("pause", "resume")),
        *((f"/jobs/{job_id}/{what}", "GET", {}) for what in ("metrics", "checkpoints", "events?stream=true")),
    ]
    for path, method, options in asked:
        status, error = blue.ask(path, method, **options)
        assert (status, error["code"], error["param"]) == (404, unknown[1]["code"], unknown[1]["param"])
        assert error["message"].replace(job_id, "") == unknown[1]["message"].replace("ftjob-nope", "")
    assert blue.jobs() == []


def test_another_teams_file_is_refused_for_a_job_as_one_that_there_is_not(
    teams: dict[str, Team], reds: dict[str, Any]
) -> None:
    for status, error in (
        teams["blue"].train("file-nope"),
        teams["admin"].train("file-nope"),
        teams["blue"].train(reds["training_file"]),
        teams["blue"].train(teams["blue"].upload()["response"]["id"], validation_file=reds["training_file"]),
    ):
        assert (status, error["code"]) == (400, "invalid_file")
    assert teams["blue"].jobs() == []


def test_files_are_ones_own_and_those_of_ones_jobs(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    listed = {name: teams[name].ask("/files", "GET")[1]["data"] for name in ("red", "blue", "admin")}
    own = {file["id"]: file for file in listed["red"]}
    (result,) = teams["red"].ask(f"/jobs/{reds['id']}", "GET")[1]["result_files"]
    assert own[reds["training_file"]]["filename"] == "training.jsonl"
    assert {own[file_id]["purpose"] for file_id in own} == {"fine-tune", "fine-tune-results"}
    assert teams["red"].download(f"/files/{result}/content").startswith(b"step,train_loss")
    assert teams["red"].download(f"/files/{reds['training_file']}/content") == CONTENT
    assert not own.keys() & {file["id"] for file in listed["blue"]}
    for path in (f"/files/{result}", f"/files/{result}/content", f"/files/{reds['training_file']}/content"):
        assert teams["blue"].ask(path, "GET")[0] == 404
    assert own.keys() <= {file["id"] for file in listed["admin"]}


def test_models_are_everybodys_bases_and_ones_own(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    listed = {name: teams[name].ask("/models", "GET")[1]["data"] for name in ("red", "blue", "admin")}
    (own,) = [model for model in listed["red"] if model["kind"] == "tuned"]
    assert (own["id"], own["base"], own["job_id"]) == (reds["fine_tuned_model"], "tiny", reds["id"])
    assert own["owner"].startswith("key_")
    assert own in listed["admin"]
    assert {model["kind"] for model in listed["blue"]} == {"base", "alias", "embeddings"}
    for path, method in ((own["id"], "GET"), (f"{own['id']}/export?format=gguf", "GET"), (own["id"], "DELETE")):
        assert teams["blue"].ask(f"/models/{path}", method)[0] == 404


def test_ones_model_leaves_in_every_form_and_peft_loads_it(
    teams: dict[str, Team], reds: dict[str, Any], tiny_gguf: Path, tmp_path: Path
) -> None:
    import peft
    import torch
    import transformers

    forms = {
        form: teams["red"].download(f"/models/{reds['fine_tuned_model']}/export?format={form}") for form in FORMATS
    }
    assert forms["gguf"].startswith(b"GGUF")
    for form in ("peft", "ollama"):
        with tarfile.open(fileobj=BytesIO(forms[form])) as archive:
            archive.extractall(tmp_path / form, filter="data")
    assert (tmp_path / "ollama" / "adapter.gguf").read_bytes() == forms["gguf"]
    assert (tmp_path / "ollama" / "base.gguf").read_bytes() == tiny_gguf.read_bytes()
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny_gguf.parent, gguf_file=tiny_gguf.name)
    asked = torch.tensor([[5, 6, 7, 8]])
    before = base(asked).logits
    tuned = peft.PeftModel.from_pretrained(base, tmp_path / "peft")
    assert (tuned(asked).logits - before).abs().max() > 0.01
    with tuned.disable_adapter():
        assert torch.equal(tuned(asked).logits, before)


def test_an_engines_curve_is_that_of_its_result_file(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    curve = teams["red"].ask(f"/jobs/{reds['id']}/metrics", "GET")[1]
    assert curve["source"] == "result_file"
    steps = [point["step"] for point in curve["points"]]
    assert steps == list(range(1, len(steps) + 1))
    assert all(point["train_loss"] > 0 for point in curve["points"])


def test_events_of_an_ended_job_end(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    told = teams["red"].download(f"/jobs/{reds['id']}/events?stream=true").decode()
    assert told.index("Created fine-tuning job") < told.index("New fine-tuned model created") < told.index("event: end")
    assert f'"fine_tuned_model":"{reds["fine_tuned_model"]}"' in told.rpartition("event: end")[2]


def test_ones_model_beside_its_base_and_anothers(teams: dict[str, Team], reds: dict[str, Any]) -> None:
    body = {"text": "q", "models": [reds["fine_tuned_model"], "tiny"], "max_tokens": 4, "temperature": 0}
    mine, base = teams["red"].ask("/compare", json=body)[1]["answers"]
    assert (mine["error"], base["error"]) == (None, None)
    assert (mine["answered_by"], base["answered_by"]) == (reds["fine_tuned_model"], "tiny")
    assert 0 < base["completion_tokens"] <= 4
    refused, _ = teams["blue"].ask("/compare", json=body)[1]["answers"]
    assert refused["error"]["code"] == "model_not_found"


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
