"""A job whose base model is not there yet waits without a write, and is not failed for a fetch of the past."""

import threading
from pathlib import Path

import pytest
from flask import Flask

from config import EngineConfig
from engine import catalogue, fetching
from engine.app import create_engine
from engine.parts import Parts
from engine.store import JOBS
from engine.worker import Worker
from tests.engine.store.rows import a_job
from tests.fakes.ports import until

NOW = 1_800_000_000


@pytest.fixture
def job(tmp_path: Path) -> tuple[Parts, Worker]:
    """A queued job on the default base model, which has to be fetched."""
    app: Flask = create_engine(EngineConfig(data_dir=tmp_path))
    parts: Parts = app.extensions["engine"]
    base = parts.models.default.id
    parts.store.insert({JOBS: [a_job(model=base, base=base)]})
    return parts, app.extensions["worker"]


def test_a_job_that_waits_for_its_base_is_not_claimed(
    job: tuple[Parts, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, worker = job
    come = threading.Event()
    monkeypatch.setattr(catalogue, "fetch", lambda *_: come.wait(20))
    for turn in range(5):
        worker.turn(NOW + turn)
    row = parts.store.one(JOBS, id="ftjob-1")
    assert row is not None
    assert (row["status"], row["fence"], row["owner"]) == ("queued", 0, None)
    come.set()


def test_a_fetch_that_failed_once_fails_no_job_when_another_is_begun(
    job: tuple[Parts, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, worker = job
    come = threading.Event()

    def no_network(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    monkeypatch.setattr(catalogue, "fetch", no_network)
    parts.models.fetch_in_background(parts.models.default)
    until(lambda: parts.models.fetches.failure(parts.models.default))
    until(lambda: not parts.models.fetches.is_under_way(parts.models.default))
    monkeypatch.setattr(catalogue, "fetch", lambda *_: come.wait(20))
    worker.turn(NOW)
    row = parts.store.one(JOBS, id="ftjob-1")
    assert row is not None
    assert row["status"] == "queued"
    come.set()


def test_a_paused_job_keeps_its_checkpoints_when_the_disk_is_full(job: tuple[Parts, Worker]) -> None:
    parts, worker = job
    claim = parts.store.claim("worker", ("queued",))
    assert claim is not None
    kept = parts.jobs.folder("ftjob-1") / "checkpoints" / "step-1"
    kept.mkdir(parents=True)
    parts.store.update(JOBS, "ftjob-1", status="paused")
    worker._endings.fail(claim, "disk_full", "full", NOW)
    assert kept.is_dir()
    parts.store.update(JOBS, "ftjob-1", status="running")
    worker._endings.fail(claim, "disk_full", "full", NOW)
    assert not kept.exists()
