"""A job that ends while its model is proven, or whose last move breaks off, leaves nothing that no row names."""

import dataclasses
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from engine import parity
from engine.jobs import AUTO
from engine.parts import Parts
from engine.store import JOBS, MODELS, WEBHOOK_EVENTS, Claim
from engine.worker import Worker, WorkerSettings
from tests.engine.store.rows import a_job
from tests.fakes.ports import until

NOW = 1_800_000_000
JOB = "ftjob-1"
# A trainer that has all it makes on disk, says nothing and ends.
SITECUSTOMIZE = """
import os, pathlib, sys
if "engine.trainer" in sys.orig_argv:
    folder = pathlib.Path(sys.orig_argv[-1])
    (folder / "made.json").rename(folder / "result.json")
    os._exit(0)
"""
FINISHED = {"hyperparameters": AUTO, "trained_tokens": 9, "total_steps": 4}
PROVEN = parity.Parity(True, "It is the same.", {})


@pytest.fixture
def folder(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a running job, whose trainer ends at once with a model and an earlier checkpoint's."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    parts.store.insert({JOBS: [a_job(JOB, status="running", model="base", base="base", hyperparameters=AUTO)]})
    folder = parts.jobs.folder(JOB)
    for name in ("adapter", "checkpoints/step-2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "adapter.gguf").write_text(name)
    checkpoint = {"step": 2, "path": "checkpoints/step-2", "metrics": {}}
    (folder / "metrics.csv").write_text("step\n1\n")
    (folder / "made.json").write_text(json.dumps(FINISHED | {"checkpoints": [checkpoint]}))
    return folder


@pytest.fixture
def worker(parts: Parts, folder: Path) -> Worker:
    return Worker(parts, WorkerSettings(folder.parents[1], "personal", "", 1, 256, 1, 60))


def while_proving(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], verdict: parity.Parity = PROVEN) -> None:
    def compare(*_: object) -> parity.Parity:
        act()
        return verdict

    monkeypatch.setattr("engine.parity.compare", compare)


def turn_until(worker: Worker, holds: Callable[[], bool]) -> None:
    def turned() -> bool:
        worker.turn(NOW)
        return worker._run is None and holds()

    until(turned)


def status(parts: Parts) -> str:
    return str(parts.jobs.retrieve(JOB)["status"])


def left(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("adapter.gguf"))


def results(parts: Parts, folder: Path) -> list[str]:
    return [one.name for one in (folder.parents[1] / "files").iterdir()]


def test_a_model_that_is_proven_is_published_and_webhooks_hear_of_it(
    parts: Parts, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_proving(monkeypatch, lambda: None)
    turn_until(worker, lambda: status(parts) != "running")
    job = parts.jobs.retrieve(JOB)
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert job["fine_tuned_model"] in [model["id"] for model in parts.store.newest(MODELS, None)]
    (told,) = parts.store.newest(WEBHOOK_EVENTS, None)
    assert (told["type"], told["job_id"]) == ("fine_tuning.job.succeeded", JOB)


def test_a_model_that_answers_otherwise_when_it_is_served_is_not_published(
    parts: Parts, worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuted = dataclasses.replace(PROVEN, same=False, message="It is another.")
    while_proving(monkeypatch, lambda: None, refuted)
    turn_until(worker, lambda: status(parts) != "running")
    job = parts.jobs.retrieve(JOB)
    assert (job["status"], job["fine_tuned_model"]) == ("failed", None)
    assert (job["error"]["code"], job["error"]["message"]) == ("train_serve_mismatch", "It is another.")
    assert (parts.store.newest(MODELS, None), left(folder), results(parts, folder)) == ([], [], [])
    (told,) = parts.store.newest(WEBHOOK_EVENTS, None)
    assert (told["type"], told["job_id"]) == ("fine_tuning.job.failed", JOB)


@pytest.mark.parametrize("resumed", [False, True], ids=["trained now", "trained before a kill"])
@pytest.mark.parametrize("same", [True, False], ids=["proven", "refuted"])
def test_a_job_that_is_cancelled_during_its_proof_leaves_no_weights_and_no_result(
    caller: FlaskClient, worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch, same: bool, resumed: bool
) -> None:
    parts = worker._parts
    if resumed:
        (folder / "made.json").rename(folder / "result.json")
    while_proving(
        monkeypatch,
        lambda: caller.post(f"/v1/fine_tuning/jobs/{JOB}/cancel"),
        dataclasses.replace(PROVEN, same=same),
    )
    turn_until(worker, lambda: status(parts) != "running")
    assert status(parts) == "cancelled"
    assert left(folder) == []
    assert results(parts, folder) == []


def test_a_job_that_is_paused_during_its_proof_keeps_its_weights_and_is_proven_again(
    parts: Parts, caller: FlaskClient, worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = left(folder)
    while_proving(monkeypatch, lambda: caller.post(f"/v1/fine_tuning/jobs/{JOB}/pause"))
    turn_until(worker, lambda: status(parts) != "running")
    assert (status(parts), left(folder), results(parts, folder)) == ("paused", kept, [])
    while_proving(monkeypatch, lambda: None)
    assert caller.post(f"/v1/fine_tuning/jobs/{JOB}/resume").status_code == 200
    turn_until(worker, lambda: status(parts) != "queued")
    job = parts.jobs.retrieve(JOB)
    assert (job["status"], left(folder), results(parts, folder)) == ("succeeded", kept, job["result_files"])


@pytest.mark.parametrize("committed", [False, True], ids=["before it was on disk", "after it was on disk"])
def test_a_last_move_that_breaks_off_leaves_one_result_file(
    parts: Parts, worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    move, broken = Claim.move, list[Any]()

    def break_off(self: Claim, new: str, *rest: Any, **values: Any) -> bool:
        if new != "succeeded" or broken:
            return move(self, new, *rest, **values)
        broken.append(committed and move(self, new, *rest, **values))
        raise OperationalError("COMMIT", {}, Exception("the connection is gone"))

    while_proving(monkeypatch, lambda: None)
    monkeypatch.setattr(Claim, "move", break_off)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, lambda: NOW, 0.01))
    thread.start()
    until(lambda: broken and status(parts) == "succeeded" and worker._run is None)
    stop.set()
    thread.join()
    assert results(parts, folder) == parts.jobs.retrieve(JOB)["result_files"]
    assert left(folder) == ["adapter/adapter.gguf", "checkpoints/step-2/adapter.gguf"]
