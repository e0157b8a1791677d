"""After a start, what no row names is gone, what rows name and is missing is said, and the rest is as it was."""

import io
import logging
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from engine import repair
from engine.leases import Leases
from engine.serving.process import ModelProcess, ServerSettings, StartFailed
from engine.store import FILES, JOBS, PARTS, Store
from tests.engine.hollow import LINE, MODEL, create, publish, upload


def start(store: Store, tmp_path: Path) -> None:
    repair.repair(store, tmp_path / "data", 1_800_000_000)


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def a_job(caller: FlaskClient, store: Store, status: str) -> str:
    job = create(caller)
    store.update(JOBS, job["id"], status=status)
    return str(job["id"])


def test_what_no_row_names_is_removed(caller: FlaskClient, store: Store, tmp_path: Path) -> None:
    data = tmp_path / "data"
    file_id, job_id = upload(caller), a_job(caller, store, "running")
    asked = {"bytes": 2, "filename": "t.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    upload_id = caller.post("/v1/uploads", json=asked).get_json()["id"]
    part = caller.post(f"/v1/uploads/{upload_id}/parts", data={"data": (io.BytesIO(b"{}"), "data")}).get_json()["id"]
    start(store, tmp_path)
    before = sorted(data.rglob("*"))
    for leftover in (
        "files/file-unknown",
        f"files/{file_id}x.part",
        "uploads/upload_unknown/part_1",
        f"uploads/{upload_id}/part_unknown",
        f"uploads/{upload_id}/{part}.part",
        "jobs/ftjob-unknown/training_file.jsonl",
        f"jobs/{job_id}/spec.json.part",
    ):
        write(data / leftover)
    start(store, tmp_path)
    assert sorted(data.rglob("*")) == before
    assert caller.get(f"/v1/files/{file_id}/content").data == LINE


def test_parts_of_an_upload_that_has_ended_are_forgotten(store: Store, tmp_path: Path) -> None:
    store.insert({PARTS: [{"id": "part_1", "upload_id": "upload_gone", "bytes": 1, "created_at": 1}]})
    start(store, tmp_path)
    assert store.newest(PARTS, None) == []


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_adapters_of_a_job_that_published_none_are_removed(
    caller: FlaskClient, store: Store, tmp_path: Path, status: str
) -> None:
    folder = tmp_path / "data" / "jobs" / a_job(caller, store, status)
    for path in ("adapter/adapter.gguf", "adapter.partial/adapter.gguf", "checkpoints/step-4/complete.json"):
        write(folder / path)
    log = write(folder / "trainer.log")
    start(store, tmp_path)
    assert sorted(one.name for one in folder.rglob("*")) == ["trainer.log"]
    assert log.exists()


def test_what_a_running_job_needs_is_left_alone(caller: FlaskClient, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "jobs" / a_job(caller, store, "running")
    kept = [write(folder / path) for path in ("checkpoints/step-4/complete.json", "adapter/adapter.gguf")]
    start(store, tmp_path)
    assert all(path.exists() for path in kept)


def test_published_adapters_stay_and_those_of_deleted_models_go(
    caller: FlaskClient, store: Store, tmp_path: Path
) -> None:
    data, job_id = tmp_path / "data", a_job(caller, store, "succeeded")
    adapter = publish(store, data, job_id)
    deleted = write(data / "jobs" / job_id / "checkpoints" / "step-4" / "adapter.gguf")
    start(store, tmp_path)
    assert adapter.exists()
    assert not deleted.parent.exists()


def test_a_missing_adapter_is_said_once_in_the_job_and_each_time_in_the_log(
    caller: FlaskClient, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = a_job(caller, store, "succeeded")
    publish(store, tmp_path / "data", job_id).unlink()
    for _ in range(2):
        caplog.clear()
        start(store, tmp_path)
        assert f"The model {MODEL} cannot be served any more" in caplog.text
    told = caller.get(f"/v1/fine_tuning/jobs/{job_id}/events").get_json()["data"]
    assert [event["level"] for event in told if MODEL in event["message"]] == ["error"]


def test_missing_bytes_are_said_in_the_log_and_to_whoever_asks_for_them(
    caller: FlaskClient, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file_id = upload(caller)
    (tmp_path / "data" / "files" / file_id).unlink()
    start(store, tmp_path)
    assert f"The bytes of {file_id}" in caplog.text
    reply = caller.get(f"/v1/files/{file_id}/content")
    assert reply.status_code == 404
    assert "upload the file again" in reply.get_json()["error"]["message"]
    asked = {"model": "base", "training_file": file_id}
    assert caller.post("/v1/fine_tuning/jobs", json=asked).get_json()["error"]["code"] == "invalid_file"
    assert caller.delete(f"/v1/files/{file_id}").status_code == 200


def test_nothing_is_removed_with_a_database_that_the_folder_was_not_filled_with(
    caller: FlaskClient, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file_id = upload(caller)
    start(store, tmp_path)
    other = Store(tmp_path / "other.sqlite3")
    start(other, tmp_path)
    other.insert({FILES: [store.newest(FILES, 1)[0] | {"id": "file-other", "seq": 9}]})
    start(other, tmp_path)
    other.close()
    assert (tmp_path / "data" / "files" / file_id).exists()
    assert "was filled with another database" in caplog.text


def test_an_empty_database_removes_nothing_from_a_folder_that_has_no_mark_yet(tmp_path: Path) -> None:
    kept = write(tmp_path / "data" / "files" / "file-1")
    store = Store(tmp_path / "new.sqlite3")
    start(store, tmp_path)
    store.close()
    assert kept.exists()


def test_the_jobs_of_dead_workers_wait_for_no_lease_and_those_of_living_ones_are_left_to_them(
    caller: FlaskClient, store: Store, tmp_path: Path
) -> None:
    dead, living = (Leases(tmp_path / "data" / "workers") for _ in range(2))
    jobs = [a_job(caller, store, "running") for _ in range(2)]
    for leases in (dead, living):
        leases.hold()
        assert store.claim(leases.owner, ("running",))
    assert dead._lock is not None
    dead._lock.close()  # as the system does when its process is killed
    start(store, tmp_path)
    assert [(one.job_id, one.owner) for one in store.held()] == [(jobs[1], living.owner)]
    living.close()


def test_the_locks_of_dead_workers_are_removed_and_those_of_living_ones_stay(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "workers"
    write(folder / "worker_dead" / "lock")
    living = Leases(folder)
    living.hold()
    start(store, tmp_path)
    assert [one.name for one in folder.iterdir()] == [living.owner]
    living.close()


def test_an_adapter_of_another_sha256_is_not_loaded(
    hollow: Flask, caller: FlaskClient, store: Store, tmp_path: Path
) -> None:
    adapter = publish(store, tmp_path / "data", a_job(caller, store, "succeeded"))
    served = hollow.extensions["engine"].models.resolve(MODEL)
    adapter.write_bytes(b"GGUX")
    with pytest.raises(StartFailed, match="another sha256") as refused:
        ModelProcess(served, ServerSettings(256, 1, 1), tmp_path / "log").start()
    assert refused.value.code == "model_load_failed"


@pytest.fixture(autouse=True)
def warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
