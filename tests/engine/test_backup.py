"""A backup made under load restores to a state where everything that is listed is there, byte for byte."""

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import EngineConfig
from engine import backup, durable, lock
from engine.app import create_engine
from engine.parts import Parts
from engine.store import FILES, JOBS, MODELS, Store
from tests.fakes.ports import until

ROOT = Path(__file__).parents[2]
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
ROUNDS = 3
MODEL = "ft:base:personal::12345678"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    (tmp_path / "base.gguf").write_bytes(b"GGUF")
    made = create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(tmp_path / "base.gguf")))
    yield made
    made.extensions["engine"].store.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def parts(app: Flask) -> Parts:
    found: Parts = app.extensions["engine"]
    return found


def upload(client: FlaskClient, content: bytes = LINE) -> str:
    form = {"purpose": "fine-tune", "file": (io.BytesIO(content), "t.jsonl")}
    return str(client.post("/v1/files", data=form).get_json()["id"])


def a_job(client: FlaskClient) -> str:
    asked = {"model": "base", "training_file": upload(client)}
    return str(client.post("/v1/fine_tuning/jobs", json=asked).get_json()["id"])


def publish(parts: Parts, data: Path, job_id: str) -> Path:
    adapter = data / "jobs" / job_id / "adapter" / "adapter.gguf"
    adapter.parent.mkdir()
    adapter.write_bytes(b"GGUF" + os.urandom(9))
    row = {"id": MODEL, "job_id": job_id, "base": "base", "created_at": 1, "sha256": durable.sha256(adapter)}
    parts.store.insert({MODELS: [row | {"adapter": f"jobs/{job_id}/adapter/adapter.gguf"}]})
    return adapter


def restored(source: Path, tmp_path: Path) -> FlaskClient:
    """The backup in an engine of its own."""
    data = tmp_path / f"restored-{source.name}"
    backup.restore(source, data)
    app = create_engine(EngineConfig(data_dir=data, base_model=str(tmp_path / "base.gguf")))
    app.extensions["engine"].store.close()
    return app.test_client()


def has_more_jobs(store: Store, than: int) -> bool:
    return len(store.newest(JOBS, None)) > than


@contextlib.contextmanager
def load(app: Flask) -> Iterator[None]:
    """Somebody uploads, creates and deletes as fast as the engine lets him."""
    over, faults = threading.Event(), list[Any]()

    def work() -> None:
        client, number = app.test_client(), 0
        while not over.is_set():
            number += 1
            kept, gone = upload(client, LINE * number), upload(client)
            asked = {"model": "base", "training_file": kept}
            replies = [client.post("/v1/fine_tuning/jobs", json=asked), client.delete(f"/v1/files/{gone}")]
            faults.extend(reply.text for reply in replies if reply.status_code != 200)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert faults == []


def test_what_a_backup_under_load_lists_is_all_there(app: Flask, tmp_path: Path) -> None:
    store = app.extensions["engine"].store
    with load(app):
        for number in range(ROUNDS):
            until(partial(has_more_jobs, store, 3 * number), 30)
            backup.back_up(store, tmp_path / "data", tmp_path / f"backup-{number}")
    sizes = []
    for number in range(ROUNDS):
        client = restored(tmp_path / f"backup-{number}", tmp_path)
        facts = Store(tmp_path / f"backup-{number}" / backup.DATABASE)
        sha256 = {row["id"]: row["sha256"] for row in facts.newest(FILES, None)}
        jobs = facts.newest(JOBS, None)
        facts.close()
        listed = client.get("/v1/files").get_json()["data"]
        assert len(listed) == len(sha256)
        for file in listed:
            content = client.get(f"/v1/files/{file['id']}/content").data
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], sha256[file["id"]])
        for job in jobs:
            training = tmp_path / f"restored-backup-{number}" / "jobs" / job["id"] / "training_file.jsonl"
            assert training.is_file()
        sizes.append(len(jobs))
    assert sizes == sorted(sizes)
    assert sizes[0] > 0


def test_a_backup_has_models_and_no_claims(client: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    data, job_id = tmp_path / "data", a_job(client)
    adapter = publish(parts, data, job_id)
    assert parts.store.claim("somebody", ("validating_files",))
    backup.back_up(parts.store, data, tmp_path / "backup")
    copy = restored(tmp_path / "backup", tmp_path)
    assert copy.get(f"/v1/models/{MODEL}").status_code == 200
    path = tmp_path / "restored-backup" / adapter.relative_to(data)
    assert path.read_bytes() == adapter.read_bytes()
    store = Store(tmp_path / "restored-backup" / backup.DATABASE)
    assert store.held() == []
    store.close()


def test_what_is_deleted_while_it_is_copied_is_not_listed(
    client: FlaskClient, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, job_id, data = upload(client), a_job(client), tmp_path / "data"
    adapter, copy_to = publish(parts, data, job_id), parts.store.copy_to

    def copy_and_delete(path: Path) -> None:
        copy_to(path)
        client.delete(f"/v1/files/{file_id}")
        shutil.rmtree(adapter.parent)

    monkeypatch.setattr(parts.store, "copy_to", copy_and_delete)
    backup.back_up(parts.store, data, tmp_path / "backup")
    copy = restored(tmp_path / "backup", tmp_path)
    assert copy.get(f"/v1/files/{file_id}").status_code == 404
    assert copy.get(f"/v1/models/{MODEL}").status_code == 404


def test_a_checkpoint_without_its_marker_is_not_copied(client: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    job_id = a_job(client)
    parts.store.update(JOBS, job_id, status="running")
    checkpoints = tmp_path / "data" / "jobs" / job_id / "checkpoints"
    for name, content in (
        ("step-4", ("complete.json", "optimizer.safetensors")),
        ("step-8", ("optimizer.safetensors",)),
    ):
        (checkpoints / name).mkdir(parents=True)
        for file in content:
            (checkpoints / name / file).write_text("{}")
    backup.back_up(parts.store, tmp_path / "data", tmp_path / "backup")
    copied = tmp_path / "backup" / "jobs" / job_id / "checkpoints"
    assert sorted(str(one.relative_to(copied)) for one in copied.rglob("*") if one.is_file()) == [
        "step-4/complete.json",
        "step-4/optimizer.safetensors",
    ]


def test_a_damaged_backup_is_not_restored(client: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    file_id = upload(client)
    backup.back_up(parts.store, tmp_path / "data", tmp_path / "backup")
    (tmp_path / "backup" / "files" / file_id).write_bytes(b"another")
    with pytest.raises(backup.Refused, match="damaged"):
        backup.restore(tmp_path / "backup", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def command(*words: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": ""}
    return subprocess.run(
        [sys.executable, "-m", "engine", *words], cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )


def test_the_commands_copy_back_and_forth_and_overwrite_nothing(client: FlaskClient, tmp_path: Path) -> None:
    data, kept, new = tmp_path / "data", str(tmp_path / "backup"), tmp_path / "new"
    file_id = upload(client)
    with lock.hold(data, patience=0):  # as by an engine that works
        assert command("backup", kept, data_dir=data).returncode == 0
    assert "there already" in command("backup", kept, data_dir=data).stderr
    assert command("restore", kept, data_dir=new).returncode == 0
    assert (new / "files" / file_id).read_bytes() == LINE
    assert "holds a database already" in command("restore", kept, data_dir=new).stderr
    assert "is no backup" in command("restore", str(tmp_path / "nothing"), data_dir=tmp_path / "other").stderr
    nothing = command("backup", str(tmp_path / "b"), data_dir=tmp_path / "nothing")
    assert (nothing.returncode, "no database to back up" in nothing.stderr) == (1, True)
