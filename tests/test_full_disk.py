"""A full disk: reads go on, uploads are refused by name, the running job fails by name; with room, all works again."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from tests.engine.working import working
from tests.fakes.ports import PATIENCE, until
from tests.live_service import LiveService

LINES = [
    {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"answer {n}"}]}
    for n in range(10)
]
CONTENT = "".join(json.dumps(line) + "\n" for line in LINES).encode()

# In the trainer: room for an adapter, not for its optimizer.
LIMITED = """
import resource, sys
if "engine.trainer" in sys.orig_argv:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
"""
LARGE = CONTENT * (9 * 2**20 // len(CONTENT))

FORM = (
    b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="t.jsonl"\r\n\r\n%s\r\n--B--\r\n'
)


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
def base(tiny_gguf: Path, tmp_path: Path) -> Path:
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    return tmp_path / "tiny.gguf"


@pytest.fixture
def app(small_disk: Path, base: Path) -> Iterator[Flask]:
    with working(small_disk / "data", base) as made:
        yield made


def upload(client: FlaskClient, content: bytes = CONTENT) -> Any:
    """Upload without the test client's own form, which is written to a file as well."""
    body = FORM % content
    return client.post("/v1/files", data=body, content_type="multipart/form-data; boundary=B")


def start(client: FlaskClient, epochs: int) -> str:
    asked = {"model": "tiny", "training_file": upload(client).get_json()["id"]}
    asked |= {"hyperparameters": {"n_epochs": epochs, "batch_size": 1}}
    return str(client.post("/v1/fine_tuning/jobs", json=asked).get_json()["id"])


def stored(client: FlaskClient) -> dict[str, bytes]:
    """The bytes of each file that is listed."""
    listed = client.get("/v1/files").get_json()["data"]
    replies = {one["id"]: client.get(f"/v1/files/{one['id']}/content") for one in listed}
    assert {reply.status_code for reply in replies.values()} <= {200}
    return {file_id: reply.data for file_id, reply in replies.items()}


def fill(filler: Path, leave: int = 0) -> None:
    """Leave no room but for `leave` bytes, at once, whoever takes some meanwhile."""

    def filled() -> bool:
        with filler.open("wb") as stream, contextlib.suppress(OSError):
            os.posix_fallocate(stream.fileno(), 0, max(1, shutil.disk_usage(filler.parent).free - leave))
            return True
        return False

    until(filled)


def test_a_full_disk_fails_the_running_job_and_nothing_else(app: Flask, small_disk: Path) -> None:
    client, spare = app.test_client(), upload(app.test_client()).get_json()["id"]
    job_id = start(client, epochs=50)
    before = stored(client)
    assert [*before.values()] == [CONTENT, CONTENT]

    def job() -> Any:
        return client.get(f"/v1/fine_tuning/jobs/{job_id}").get_json()

    checkpoints = small_disk / "data" / "jobs" / job_id / "checkpoints"
    until(checkpoints.is_dir)
    fillers = (small_disk / f"filler-{number}" for number in itertools.count())

    def ended() -> bool:
        fill(next(fillers), leave=2**16)  # again and again: an older checkpoint, removed, makes room for the next
        return bool(job()["status"] != "running")

    until(ended)
    assert (job()["status"], (job()["error"] or {}).get("code")) == ("failed", "disk_full")
    until(lambda: not checkpoints.exists())
    # The failure may have taken the reserve, which comes back once there is room.
    for one in small_disk.glob("filler-*"):
        one.unlink()
    until((small_disk / "data" / "reserve").is_file)
    fill(small_disk / "more")
    assert client.delete(f"/v1/files/{spare}").status_code == 200  # the reserve's room
    fill(small_disk / "rest")
    refused = upload(client)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (507, "insufficient_storage")
    del before[spare]
    assert stored(client) == before
    assert job()["id"] == job_id
    for name in ("more", "rest"):
        (small_disk / name).unlink()
    until(lambda: upload(client).status_code == 200)
    job_id = start(client, epochs=1)
    until(lambda: job()["finished_at"])
    assert job()["status"] == "succeeded", job()
    assert stored(client).items() > before.items()
    assert list((small_disk / "data" / "files").glob("*.part")) == []


def test_the_service_answers_on_a_full_disk_and_takes_files_again_seconds_after_there_is_room(
    small_disk: Path, base: Path
) -> None:
    service = LiveService(small_disk / "data", base)
    fillers = (small_disk / f"filler-{number}" for number in itertools.count())

    def asked(method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, service.url + path, timeout=PATIENCE, **more)

    sent = partial(asked, "POST", "/upload_files", files={"files": ("a.jsonl", CONTENT)})

    def reads() -> set[int]:
        told = asked("POST", "/retrieve", json={"fine_tuning_job_id": job_id})
        assert asked("GET", f"/files/{kept['response']['id']}/content").content == CONTENT
        return {told.status_code, asked("GET", "/status").status_code, asked("GET", f"/jobs/{job_id}").status_code}

    def ended() -> bool:
        fill(next(fillers), leave=2**16)
        assert reads() == {200}
        return bool(service.call("GET", f"/jobs/{job_id}")["status"] != "running")

    try:
        [kept] = service.wait().call("POST", "/upload_files", files={"files": ("a.jsonl", CONTENT)})
        wanted = {"training_file": kept["response"]["id"], "hyperparameters": {"n_epochs": 50, "batch_size": 1}}
        job_id = service.call("POST", "/fine_tuning", json=wanted)["id"]
        until((small_disk / "data" / "jobs" / job_id / "checkpoints").is_dir)
        processes = service.process.pid, service.find("engine serve", serving=True)
        until(ended)
        job = service.call("GET", f"/jobs/{job_id}")
        assert (job["status"], (job["error"] or {}).get("code")) == ("failed", "disk_full")
        fill(next(fillers))
        [refused] = until(lambda: [] if (reply := sent()).ok else [reply])  # the trainer's leaving makes room
        assert (refused.status_code, refused.json()["response"]["code"]) == (507, "insufficient_storage")
        assert reads() == {200}
        for one in small_disk.glob("filler-*"):
            one.unlink()
        until(lambda: sent().ok and reads() == {200}, seconds=5)
        assert (service.process.pid, service.find("engine serve", serving=True)) == processes, "nothing was restarted"
    finally:
        service.end()


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_files_that_may_not_grow_fail_the_job_and_the_upload_alone(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be tested of a full disk without the right to mount one."""
    (tmp_path / "sitecustomize.py").write_text(LIMITED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with working(tmp_path / "data", base) as app:
        client = app.test_client()
        job_id = start(client, epochs=50)
        with files_of_at_most(8 * 2**20):
            refused = upload(client, LARGE)
            assert (refused.status_code, refused.get_json()["error"]["code"]) == (507, "insufficient_storage")
            assert client.get("/v1/files").status_code == 200
        until(lambda: upload(client, LARGE).status_code == 200)
        assert list((tmp_path / "data" / "files").glob("*.part")) == []
        until(lambda: client.get(f"/v1/fine_tuning/jobs/{job_id}").get_json()["finished_at"], pause=0.2)
        job = client.get(f"/v1/fine_tuning/jobs/{job_id}").get_json()
        assert (job["status"], job["error"]["code"]) == ("failed", "disk_full")
        until(lambda: not (tmp_path / "data" / "jobs" / job_id / "checkpoints").exists())
