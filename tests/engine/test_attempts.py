"""A job that takes engine after engine down is given up; engines that are killed or stopped cost a job nothing."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from engine import attempts
from engine.jobs import AUTO
from engine.parts import Parts
from engine.store import JOBS
from engine.worker import Worker, WorkerSettings
from tests.engine.hollow import create
from tests.engine.store.rows import a_job

ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000
# In place of the trainer: one that says nothing.
SITECUSTOMIZE = "import sys\nif 'engine.trainer' in sys.orig_argv: sys.stdin.read()"

# An engine that a training file takes down, as one too large for its memory would.
POISONED = """
import os, pathlib, sys
import engine.worker
from tests.engine.hollow import hollow_engine
engine.worker.fault_in = lambda *_: os._exit(9)
hollow_engine(pathlib.Path(sys.argv[1])).extensions["worker"].turn(1_800_000_000)
"""


@pytest.fixture
def job(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job that runs."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    parts.store.insert({JOBS: [a_job(status="running", model="base", base="base", hyperparameters=AUTO)]})
    folder = parts.jobs.folder("ftjob-1")
    folder.mkdir()
    return folder


def live(parts: Parts, folder: Path) -> Worker:
    """A worker that begins the job."""
    worker = Worker(parts, WorkerSettings(folder.parents[1], "personal", "", 1, 256, 1, 60))
    worker.turn(NOW)
    return worker


def killed(worker: Worker) -> None:
    """What is left of it when its process is gone: no trainer, no lock, and a job that is claimed still."""
    if worker._run is not None:
        worker._run.stop()
    worker._leases.close()


def test_a_job_that_takes_ten_engines_down_is_given_up(parts: Parts, job: Path) -> None:
    for _ in range(attempts.ALLOWED):
        killed(live(parts, job))
        parts.store.update(JOBS, "ftjob-1", owner=None)  # its worker's lock is gone with its folder
        assert parts.jobs.retrieve("ftjob-1")["status"] == "running"
    killed(live(parts, job))
    assert parts.jobs.retrieve("ftjob-1")["error"]["code"] == "worker_crashed"


def test_a_clean_stop_counts_for_nothing(parts: Parts, job: Path) -> None:
    killed(live(parts, job))
    parts.store.update(JOBS, "ftjob-1", owner=None)
    worker, stop = live(parts, job), threading.Event()
    stop.set()
    worker.run(stop)
    assert attempts.begin(job, []) == 1


def test_whatever_is_reached_begins_the_count_anew(tmp_path: Path) -> None:
    def counted(*steps: int) -> list[int]:
        return [attempts.begin(tmp_path, steps) for _ in range(2)]

    assert counted() == [1, 2]
    assert counted(1) == [1, 2]
    (tmp_path / "checkpoints" / "step-1").mkdir(parents=True)
    assert counted(1) == [3, 4]
    (tmp_path / "checkpoints" / "step-1" / "complete.json").touch()
    assert counted(1) == [1, 2]
    (tmp_path / "result.json").touch()
    assert counted(1) == [1, 2]


def test_files_that_take_three_engines_down_are_not_looked_at_again(
    parts: Parts, caller: FlaskClient, tmp_path: Path
) -> None:
    job_id = create(caller)["id"]
    command = [sys.executable, "-c", POISONED, str(tmp_path)]
    ends = [subprocess.run(command, cwd=ROOT, check=False).returncode for _ in range(4)]
    assert ends == [9, 9, 9, 0]
    error = parts.jobs.retrieve(job_id)["error"]
    assert (error["code"], "3 times in a row" in error["message"]) == ("worker_crashed", True)


def test_a_check_that_ends_counts_for_nothing(parts: Parts, caller: FlaskClient, tmp_path: Path) -> None:
    folder = parts.jobs.folder(create(caller)["id"])
    more_than_it_has = 9
    Worker(parts, WorkerSettings(tmp_path / "data", "personal", "", more_than_it_has, 256, 1, 60)).turn(NOW)
    assert attempts.begin(folder, []) == 1
