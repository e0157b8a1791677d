"""A backup made under load restores to a state where everything that is listed is there, byte for byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bench.backups import drive
from config import EngineConfig
from engine import backup, lock
from engine.parts import Parts
from engine.store import JOBS, Store
from gate import KeyFile
from tests.engine.hollow import LINE, MODEL, create, hollow_engine, publish, upload

ROOT = Path(__file__).parents[2]
ROUNDS = 3


def restored(source: Path, tmp_path: Path) -> FlaskClient:
    """The backup in an engine of its own."""
    backup.restore(source, tmp_path / "restored")
    app = hollow_engine(tmp_path, "restored")
    app.extensions["engine"].store.close()
    return app.test_client()


def test_what_a_backup_under_load_lists_is_all_there(tmp_path: Path) -> None:
    """In short; `python -m bench.backups` makes twenty rounds."""
    tally = drive(tmp_path, ROUNDS, seed=9527)
    assert (tally.refused, tally.faults) == ([], [])
    assert tally.jobs == sorted(tally.jobs)
    assert tally.jobs[0] > 0


def test_a_backup_has_models_and_no_claims(caller: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    data, job_id = tmp_path / "data", create(caller)["id"]
    adapter = publish(parts.store, data, job_id)
    assert parts.store.claim("somebody", ("validating_files",))
    backup.back_up(parts.store, data, tmp_path / "backup")
    copy = restored(tmp_path / "backup", tmp_path)
    assert copy.get(f"/v1/models/{MODEL}").status_code == 200
    path = tmp_path / "restored" / adapter.relative_to(data)
    assert path.read_bytes() == adapter.read_bytes()
    store = Store(tmp_path / "restored" / backup.DATABASE)
    assert store.held() == []
    store.close()


def test_what_is_deleted_while_it_is_copied_is_not_listed(
    caller: FlaskClient, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, job_id, data = upload(caller), create(caller)["id"], tmp_path / "data"
    adapter, copy_to = publish(parts.store, data, job_id), parts.store.copy_to

    def copy_and_delete(path: Path) -> None:
        copy_to(path)
        caller.delete(f"/v1/files/{file_id}")
        shutil.rmtree(adapter.parent)

    monkeypatch.setattr(parts.store, "copy_to", copy_and_delete)
    backup.back_up(parts.store, data, tmp_path / "backup")
    copy = restored(tmp_path / "backup", tmp_path)
    assert copy.get(f"/v1/files/{file_id}").status_code == 404
    assert copy.get(f"/v1/models/{MODEL}").status_code == 404


def test_a_checkpoint_without_its_marker_is_not_copied(caller: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    job_id = create(caller)["id"]
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


def test_api_keys_open_what_was_restored_and_replace_no_others(parts: Parts, tmp_path: Path) -> None:
    data, new = EngineConfig(data_dir=tmp_path / "data"), EngineConfig(data_dir=tmp_path / "new")
    keys = KeyFile(data.key_file)
    before, key = keys.make("laptop", frozenset({"read"}))
    backup.back_up(parts.store, data.data_dir, tmp_path / "backup")
    after, _ = keys.make("later", frozenset({"read"}))
    backup.restore(tmp_path / "backup", new.data_dir)
    assert [KeyFile(new.key_file).find(one) for one in (before, after)] == [key, None]
    (new.data_dir / backup.DATABASE).unlink()  # as if it had been killed
    backup.restore(tmp_path / "backup", new.data_dir)
    (new.data_dir / backup.DATABASE).unlink()
    own, _ = KeyFile(new.key_file).make("own", frozenset({"read"}))
    with pytest.raises(backup.Refused, match="other API keys"):
        backup.restore(tmp_path / "backup", new.data_dir)
    assert KeyFile(new.key_file).find(own)


def test_a_damaged_backup_is_not_restored(caller: FlaskClient, parts: Parts, tmp_path: Path) -> None:
    file_id = upload(caller)
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


def test_the_commands_copy_back_and_forth_and_overwrite_nothing(caller: FlaskClient, tmp_path: Path) -> None:
    data, kept, new = tmp_path / "data", str(tmp_path / "backup"), tmp_path / "new"
    file_id = upload(caller)
    with lock.hold(data, patience=0):  # as by an engine that works
        assert command("backup", kept, data_dir=data).returncode == 0
    assert "there already" in command("backup", kept, data_dir=data).stderr
    assert command("restore", kept, data_dir=new).returncode == 0
    assert (new / "files" / file_id).read_bytes() == LINE
    assert "holds a database already" in command("restore", kept, data_dir=new).stderr
    assert "is no backup" in command("restore", str(tmp_path / "nothing"), data_dir=tmp_path / "other").stderr
    nothing = command("backup", str(tmp_path / "b"), data_dir=tmp_path / "nothing")
    assert (nothing.returncode, "no database to back up" in nothing.stderr) == (1, True)
