"""The worker's turns without a training: what cannot be trained fails by name and holds nobody else up."""

import errno
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import EngineConfig
from engine import catalogue
from engine.app import create_engine
from engine.pace import Pace
from engine.parts import Parts
from engine.store import JOBS, MODELS
from engine.worker import Worker
from tests.engine.hollow import LINE, MODEL, create
from tests.fakes.bare_gguf import BARE


@pytest.fixture
def worker(hollow: Flask) -> Worker:
    return hollow.extensions["worker"]  # type: ignore[no-any-return]


def take_turns(worker: Worker, until: Any) -> None:
    """Let the worker run in its thread, as the engine does, until `until` holds."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, time.time, 0.01))
    thread.start()
    deadline = time.monotonic() + 20
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert until()


def test_a_base_that_was_never_pulled_is_refused_at_once(caller: FlaskClient) -> None:
    refused = create(caller, "qwen2.5-0.5b-instruct", status=400)["error"]
    assert refused["code"] == "model_not_available"
    assert "python -m engine pull qwen2.5-0.5b-instruct" in refused["message"]


def test_a_job_whose_files_cannot_be_read_fails_and_the_next_goes_on(
    parts: Parts, caller: FlaskClient, worker: Worker
) -> None:
    broken, sound = create(caller)["id"], create(caller)["id"]
    training_file = parts.jobs.folder(broken) / "training_file.jsonl"
    training_file.unlink()
    training_file.mkdir()

    def status(job_id: str) -> str:
        return str(parts.jobs.retrieve(job_id)["status"])

    take_turns(worker, lambda: status(sound) != "validating_files")
    error = parts.jobs.retrieve(broken)["error"]
    assert (status(broken), error["code"]) == ("failed", "server_error")
    assert "IsADirectoryError" in error["message"]


def test_a_model_that_is_deleted_before_its_turn_is_trained_further_all_the_same(
    parts: Parts, caller: FlaskClient, tmp_path: Path
) -> None:
    adapter = tmp_path / "data" / "jobs" / "earlier" / "adapter"
    adapter.mkdir(parents=True)
    for name in ("adapter.gguf", "adapter_model.safetensors", "adapter_config.json"):
        (adapter / name).write_text(name)
    row = {"id": MODEL, "job_id": "earlier", "base": "base", "created_at": 1}
    parts.store.insert({MODELS: [row | {"adapter": "jobs/earlier/adapter/adapter.gguf"}]})
    job = create(caller, MODEL)
    assert caller.delete(f"/v1/models/{MODEL}").status_code == 200
    kept = parts.jobs.folder(job["id"]) / "init_adapter"
    assert sorted(one.read_text() for one in kept.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_a_running_job_whose_folder_is_gone_fails_instead_of_blocking(
    parts: Parts, caller: FlaskClient, worker: Worker
) -> None:
    job_id = create(caller)["id"]
    parts.store.update(JOBS, job_id, status="running")
    shutil.rmtree(parts.jobs.folder(job_id))
    take_turns(worker, lambda: parts.jobs.retrieve(job_id)["status"] == "failed")
    assert parts.jobs.retrieve(job_id)["estimated_finish"] is None


def test_a_proof_whose_server_never_starts_is_tried_three_times(
    parts: Parts, caller: FlaskClient, worker: Worker
) -> None:
    job_id = create(caller)["id"]
    parts.store.update(JOBS, job_id, status="running")
    for name, content in (("result", "{}"), ("parity", '{"rows": []}')):
        (parts.jobs.folder(job_id) / f"{name}.json").write_text(content)
    checkpoint = a_checkpoint(parts, job_id)
    take_turns(worker, lambda: parts.jobs.retrieve(job_id)["status"] == "failed")
    tries = [event["message"] for event in parts.jobs.events(job_id, 20, None)["data"] if event["level"] == "warn"]
    error = parts.jobs.retrieve(job_id)["error"]
    assert (len(tries), error["code"]) == (2, "worker_crashed")
    assert all("The proof broke off" in words and "adapter.gguf is missing" in words for words in tries)
    assert not checkpoint.exists()


def test_a_paused_job_keeps_its_checkpoint_until_it_is_cancelled(parts: Parts, caller: FlaskClient) -> None:
    job_id = create(caller)["id"]
    parts.store.update(JOBS, job_id, status="queued")
    checkpoint = a_checkpoint(parts, job_id)
    assert caller.post(f"/v1/fine_tuning/jobs/{job_id}/pause").get_json()["status"] == "paused"
    assert checkpoint.exists()
    assert caller.post(f"/v1/fine_tuning/jobs/{job_id}/cancel").get_json()["status"] == "cancelled"
    assert not checkpoint.exists()


def a_checkpoint(parts: Parts, job_id: str) -> Path:
    folder = parts.jobs.folder(job_id) / "checkpoints" / "step-4"
    folder.mkdir(parents=True)
    (folder / "complete.json").write_text("{}")
    return folder


def test_a_base_that_cannot_be_fetched_is_said_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(catalogue, "fetch", full_disk)
    app = create_engine(EngineConfig(data_dir=tmp_path))
    question = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x"}]}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        reply = app.test_client().post("/v1/chat/completions", json=question)
        if reply.get_json()["error"]["code"] == "base_model_unavailable":
            break
    assert reply.status_code == 503
    assert "No space left on device" in reply.get_json()["error"]["message"]


def test_a_file_of_ones_own_goes_before_a_catalogue_model_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "qwen2.5-0.5b-instruct.gguf").write_bytes(BARE)
    own = str(tmp_path / "qwen2.5-0.5b-instruct.gguf")
    app = create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=own))
    assert app.extensions["engine"].models.resolve("gpt-4o-mini").base == Path(own)


def test_an_alias_of_nothing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="MODEL_ALIASES: 'x=nope'"):
        create_engine(EngineConfig(data_dir=tmp_path, model_aliases="x=nope"))


def test_a_label_with_a_line_break_is_cleaned_and_can_be_downloaded(caller: FlaskClient) -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--B\r\n'
    file = (
        b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''a%0Ab.jsonl\r\n\r\n" + LINE + b"\r\n--B--\r\n"
    )
    made = caller.post("/v1/files", data=head + file, content_type="multipart/form-data; boundary=B").get_json()
    assert made["filename"] == "ab.jsonl"
    assert caller.get(f"/v1/files/{made['id']}/content").data == LINE


@pytest.mark.parametrize("limit", ["0", "-1", "x", "10001", "9" * 5000])
def test_an_impossible_limit_is_400(caller: FlaskClient, limit: str) -> None:
    reply = caller.get(f"/v1/files?limit={limit}")
    assert (reply.status_code, reply.get_json()["error"]["param"]) == (400, "limit")


def test_the_pace_is_that_of_the_new_steps_alone() -> None:
    pace = Pace(90, told=[1, 2])
    assert [pace.is_new(step) for step in (2, 3)] == [False, True]
    assert pace.estimate(3, 13, now=100) is None
    assert pace.estimate(8, 13, now=110) == 120
    assert pace.whole(120) is None
    assert Pace(90).whole(120) == 30


def test_a_failure_that_cannot_be_recorded_at_once_is_recorded_later(
    parts: Parts, caller: FlaskClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = list[str]()
    job_id = create(caller)["id"]
    fail = worker._endings.fail

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def fail_at_the_second_try(claim: Any, code: str, *rest: Any) -> None:
        tries.append(code)
        if len(tries) == 1:
            full()
        fail(claim, code, *rest)

    monkeypatch.setattr(worker, "_validate", full)
    monkeypatch.setattr(worker._endings, "fail", fail_at_the_second_try)
    take_turns(worker, lambda: parts.jobs.retrieve(job_id)["status"] == "failed")
    assert parts.jobs.retrieve(job_id)["error"]["code"] == "disk_full"
    assert tries == ["disk_full", "disk_full"]


def test_a_trainer_that_cannot_be_started_takes_no_threads_from_serving(
    parts: Parts, caller: FlaskClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[bool]()
    monkeypatch.setattr(parts.pool, "set_training", told.append)
    job_id = create(caller)["id"]
    (parts.jobs.folder(job_id) / "trainer.log").mkdir()
    take_turns(worker, lambda: parts.jobs.retrieve(job_id)["status"] == "failed")
    assert "IsADirectoryError" in parts.jobs.retrieve(job_id)["error"]["message"]
    assert told[-1:] != [True]
