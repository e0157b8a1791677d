"""A database that is away for a while costs no job anything: the trainer goes on, and what it said is told later."""

import contextlib
import dataclasses
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.jobs import AUTO
from engine.leases import Leases
from engine.parts import Parts
from engine.store import EVENTS, JOBS, Holding, Store
from engine.worker import Worker, WorkerSettings
from tests.engine.store.rows import a_job
from tests.fakes.ports import until
from tests.fakes.postgres import Postgres

# A trainer that tells a step, and another one when it is told to.
SITECUSTOMIZE = """
import json, pathlib, sys, time
if "engine.trainer" in sys.orig_argv:
    folder = pathlib.Path(sys.orig_argv[-1])
    for step in (1, 2):
        while step == 2 and not (folder / "go").exists():
            time.sleep(0.01)
        print(json.dumps({"kind": "step", "step": step, "total_steps": 9, "train_loss": 1.0}), flush=True)
    (folder / "said").touch()
    sys.stdin.read()
"""
FAULTS = 4  # of these a fault of the job's own would be given three


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextlib.contextmanager
def at_work(worker: Worker) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, time.time, 0.005))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(params=["locked", "stopped"])
def facts(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[Path | str, Callable[[], contextlib.AbstractContextManager[None]]]:
    """A database, and what takes it away for a while."""
    if request.param == "locked":
        path = tmp_path / "facts.sqlite3"
        return path, lambda: locked(path)
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(), server.stopped


def test_a_training_outlasts_a_database_that_is_out_of_reach(
    facts: tuple[Path | str, Callable[[], contextlib.AbstractContextManager[None]]],
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    place, away = facts
    store, impatient = Store(place), Store(place, patience=0.02)
    store.insert({JOBS: [a_job(model="base", base="base", hyperparameters=AUTO)]})
    folder = parts.jobs.folder("ftjob-1")
    folder.mkdir()
    settings = WorkerSettings(tmp_path / "data", "personal", "", 1, 256, 1, 60)
    worker = Worker(dataclasses.replace(parts, store=impatient), settings)

    def steps() -> list[int]:
        return sorted(store.steps("ftjob-1"))

    with contextlib.closing(store), contextlib.closing(impatient), at_work(worker):
        until(lambda: steps() == [1])
        with away():
            (folder / "go").touch()
            until((folder / "said").exists)
            until(lambda: caplog.text.count("cannot be reached") >= FAULTS)
        until(lambda: steps() == [1, 2])
        [job] = store.newest(JOBS, None)
        starts = store.newest(EVENTS, None, job_id="ftjob-1", message="Fine-tuning job started")
        assert (job["status"], job["error"], len(starts)) == ("running", None, 1)


def test_who_could_not_be_heard_during_an_outage_has_a_whole_lease_after_it(tmp_path: Path) -> None:
    now = [0.0]
    leases, held = Leases(tmp_path, 15, lambda: now[0]), Holding("ftjob-1", "elsewhere", 1, 3)
    assert leases.dead([held]) == []
    now[0] += 60
    leases.forget()
    assert leases.dead([held]) == []
    now[0] += 16
    assert leases.dead([held]) == [held]


def test_what_the_database_says_of_a_fault_is_not_told_to_callers(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(parts, WorkerSettings(tmp_path / "data", "personal", "", 1, 256, 1, 60))
    parts.store.insert({JOBS: [a_job(status="validating_files", hyperparameters=AUTO)]})
    monkeypatch.setattr(worker, "_validate", lambda *_: parts.store.insert({EVENTS: [{"id": "SECRET"}]}))
    with at_work(worker):
        until(lambda: parts.jobs.retrieve("ftjob-1")["status"] == "failed")
    error = parts.jobs.retrieve("ftjob-1")["error"]
    assert error["code"] == "server_error"
    assert "SECRET" not in error["message"]
    assert "INSERT" not in error["message"]
