"""What a job is to learn from is in its folder, whole, or the caller is told what is gone and no folder is left."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from engine import inputs
from engine.files import Files
from engine.jobs import AUTO
from engine.parity import Parity
from engine.parts import Parts
from engine.repair import repair
from engine.store import JOBS, Store
from tests.engine.hollow import LINE, MODEL, create, publish, upload


@pytest.mark.parametrize("left", [[], ["adapter_config.json"]])
def test_a_model_without_its_adapter_is_not_trained_further(
    caller: FlaskClient, store: Store, tmp_path: Path, left: list[str]
) -> None:
    data = tmp_path / "data"
    adapter = publish(store, data, create(caller)["id"])
    adapter.unlink()
    for name in left:
        (adapter.parent / name).write_bytes(b"{}")
    if not left:
        adapter.parent.rmdir()
    before = sorted((data / "jobs").iterdir())
    refused = create(caller, MODEL, status=400)["error"]
    assert (refused["code"], refused["param"]) == ("model_not_available", "model")
    assert f"The adapter of {MODEL} is missing" in refused["message"]
    assert sorted((data / "jobs").iterdir()) == before


def test_a_file_that_is_deleted_at_the_last_moment_is_said(
    caller: FlaskClient, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, path = upload(caller), Files.path

    def path_of_a_file_deleted_since(self: Files, file_id: str) -> Path:
        found = path(self, file_id)
        self.delete(file_id)
        return found

    monkeypatch.setattr(Files, "path", path_of_a_file_deleted_since)
    asked: dict[str, Any] = {"model": "base", "training_file": file_id}
    reply = caller.post("/v1/fine_tuning/jobs", json=asked)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "invalid_file")
    assert list((tmp_path / "data" / "jobs").iterdir()) == []


def links(parts: Parts, job_id: str) -> list[str]:
    """Names of what the job has of what it learns from."""
    return sorted(one.name for one in parts.jobs.folder(job_id).rglob("*") if "file" in one.name or "init" in one.name)


def names(data: Path) -> set[int]:
    """How many names the bytes of each uploaded file have."""
    return {one.stat().st_nlink for one in (data / "files").iterdir()}


def a_job(caller: FlaskClient, parts: Parts, tmp_path: Path, line: bytes = LINE) -> str:
    """A job that goes on from a model, with a file for either purpose."""
    adapter = publish(parts.store, tmp_path / "data", "ftjob-earlier")
    for name in inputs.ADAPTER_FILES:
        (adapter.parent / name).write_bytes(b"{}")
    asked = {"model": MODEL, "training_file": upload(caller, line), "validation_file": upload(caller)}
    job_id = str(caller.post("/v1/fine_tuning/jobs", json=asked).get_json()["id"])
    assert links(parts, job_id) == ["init_adapter", "training_file.jsonl", "validation_file.jsonl"]
    assert names(tmp_path / "data") == {2}
    return job_id


def test_a_cancelled_job_lets_go_of_its_files_and_a_paused_one_does_not(
    caller: FlaskClient, parts: Parts, tmp_path: Path
) -> None:
    job_id = a_job(caller, parts, tmp_path)
    parts.store.update(JOBS, job_id, status="queued")
    caller.post(f"/v1/fine_tuning/jobs/{job_id}/pause")
    repair(parts.store, tmp_path / "data", 5)
    assert len(links(parts, job_id)) == 3
    caller.post(f"/v1/fine_tuning/jobs/{job_id}/cancel")
    assert (links(parts, job_id), names(tmp_path / "data")) == ([], {1})


def test_a_failed_job_lets_go_of_its_files(caller: FlaskClient, parts: Parts, hollow: Flask, tmp_path: Path) -> None:
    job_id = a_job(caller, parts, tmp_path, line=b"{")
    hollow.extensions["worker"].turn(5)
    assert parts.jobs.retrieve(job_id)["status"] == "failed"
    assert (links(parts, job_id), names(tmp_path / "data")) == ([], {1})


def test_a_succeeded_job_lets_go_of_its_files_and_keeps_its_model(
    caller: FlaskClient, parts: Parts, hollow: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, worker = a_job(caller, parts, tmp_path), hollow.extensions["worker"]
    folder = parts.jobs.folder(job_id)
    monkeypatch.setattr(worker, "_prove", lambda *_: Parity(same=True, message="It answers alike.", figures={}))
    result = {"total_steps": 1, "checkpoints": [], "hyperparameters": AUTO, "trained_tokens": 1}
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "metrics.csv").write_text("step")
    (folder / "adapter").mkdir()
    (folder / "adapter" / "adapter.gguf").write_bytes(b"GGUF")
    parts.store.update(JOBS, job_id, status="running")
    worker.turn(5)
    assert parts.jobs.retrieve(job_id)["status"] == "succeeded"
    assert (links(parts, job_id), names(tmp_path / "data")) == ([], {1})
    assert (folder / "adapter" / "adapter.gguf").exists()


def test_a_start_removes_what_an_ended_job_still_has(caller: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    job_id = a_job(caller, parts, tmp_path)
    parts.store.update(JOBS, job_id, status="succeeded")
    repair(parts.store, tmp_path / "data", 5)
    assert (links(parts, job_id), names(tmp_path / "data")) == ([], {1})
