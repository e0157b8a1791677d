"""A full disk: reads go on, uploads are refused by name, the running job fails by name; with room, all works again."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import EngineConfig
from engine.app import create_engine
from tests.fakes.ports import until

LINES = [
    {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"answer {n}"}]}
    for n in range(10)
]
CONTENT = "".join(json.dumps(line) + "\n" for line in LINES).encode()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("No tmpfs may be mounted here (that takes root on Linux), so a full disk was NOT tested")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def app(small_disk: Path, tiny_gguf: Path, tmp_path: Path) -> Iterator[Flask]:
    base = tmp_path / "tiny.gguf"
    base.symlink_to(tiny_gguf)
    made = create_engine(EngineConfig(data_dir=small_disk / "data", base_model=str(base), context_tokens=256))
    stop = threading.Event()
    worker = threading.Thread(target=made.extensions["worker"].run, args=(stop,))
    worker.start()
    yield made
    stop.set()
    worker.join()
    made.extensions["engine"].pool.close()
    made.extensions["engine"].store.close()


def upload(client: FlaskClient) -> Any:
    form = {"purpose": "fine-tune", "file": (io.BytesIO(CONTENT), "t.jsonl")}
    return client.post("/v1/files", data=form)


def start(client: FlaskClient, epochs: int) -> str:
    asked = {"model": "tiny", "training_file": upload(client).get_json()["id"]}
    asked |= {"hyperparameters": {"n_epochs": epochs, "batch_size": 1}}
    return str(client.post("/v1/fine_tuning/jobs", json=asked).get_json()["id"])


def fill(filler: Path, leave: int = 0) -> None:
    """Leave no room but for `leave` bytes, at once."""
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(filler.parent).free - leave)


def test_a_full_disk_fails_the_running_job_and_nothing_else(app: Flask, small_disk: Path) -> None:
    client, spare = app.test_client(), upload(app.test_client()).get_json()["id"]
    job_id = start(client, epochs=50)

    def job() -> Any:
        return client.get(f"/v1/fine_tuning/jobs/{job_id}").get_json()

    checkpoints = small_disk / "data" / "jobs" / job_id / "checkpoints"
    until(checkpoints.is_dir, 240)
    fill(small_disk / "filler", leave=2**16)  # what a checkpoint does not fit in
    until(lambda: job()["status"] != "running", 60)
    assert (job()["status"], (job()["error"] or {}).get("code")) == ("failed", "disk_full")
    assert not checkpoints.exists()
    # The failure may have taken the reserve, which comes back once there is room.
    (small_disk / "filler").unlink()
    until((small_disk / "data" / "reserve").is_file, 60)
    fill(small_disk / "more")
    assert client.delete(f"/v1/files/{spare}").status_code == 200  # the reserve's room
    fill(small_disk / "rest")
    refused = upload(client)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (507, "insufficient_storage")
    assert client.get("/v1/files").status_code == 200
    assert job()["id"] == job_id
    for name in ("more", "rest"):
        (small_disk / name).unlink()
    until(lambda: upload(client).status_code == 200, 5)
    job_id = start(client, epochs=1)
    until(lambda: job()["finished_at"], 240)
    assert job()["status"] == "succeeded", job()
    assert list((small_disk / "data" / "files").glob("*.part")) == []
