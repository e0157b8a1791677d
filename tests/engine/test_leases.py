"""A worker that lives keeps its job whatever the clock says; one that died loses it at once, a silent one in time."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import EngineConfig
from engine.app import create_engine
from engine.jobs import AUTO
from engine.leases import Leases
from engine.parts import Parts
from engine.store import JOBS, Holding
from engine.worker import Worker, WorkerSettings
from tests.fakes.bare_gguf import BARE
from tests.fakes.clock import Clock
from tests.fakes.ports import PATIENCE, until

ROOT = Path(__file__).parents[2]
LEASE = 1.0
JOB = {"id": "ftjob-1", "created_at": 1, "status": "running", "model": "base", "base": "base"}
# Holds a lock as a worker does and says its name.
WORKER = """
import pathlib, sys, time
from engine.leases import Leases
mine = Leases(pathlib.Path(sys.argv[1]))
mine.hold()
print(mine.owner, flush=True)
time.sleep(60)
"""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    (tmp_path / "base.gguf").write_bytes(BARE)
    app = create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(tmp_path / "base.gguf")))
    made: Parts = app.extensions["engine"]
    made.store.insert({JOBS: [JOB | {"training_file": "file-1", "seed": 1, "hyperparameters": AUTO}]})
    made.jobs.folder("ftjob-1").mkdir()
    yield made
    made.store.close()


def a_worker(tmp_path: Path, parts: Parts) -> Worker:
    return Worker(parts, WorkerSettings(tmp_path / "data", "personal", "", 1, 256, 1, 60, lease_seconds=LEASE))


def status(parts: Parts) -> str:
    return str(parts.jobs.retrieve("ftjob-1")["status"])


def test_a_worker_that_is_heard_of_is_never_dead(tmp_path: Path) -> None:
    clock = Clock(100.0)
    leases = Leases(tmp_path, seconds=15, clock=clock)
    for beats in range(9):
        assert leases.dead([Holding("ftjob-1", "elsewhere", 1, beats)]) == []
        clock.now += 10


def test_a_silent_worker_is_dead_after_its_lease_and_not_before(tmp_path: Path) -> None:
    clock = Clock(100.0)
    leases, held = Leases(tmp_path, seconds=15, clock=clock), Holding("ftjob-1", "elsewhere", 1, 3)
    for passed, dead in ((0, []), (14, []), (2, [held])):
        clock.now += passed
        assert leases.dead([held]) == dead


def test_ones_own_jobs_are_not_watched(tmp_path: Path) -> None:
    clock = Clock(100.0)
    leases = Leases(tmp_path, seconds=15, clock=clock)
    for _ in range(2):
        assert leases.dead([Holding("ftjob-1", leases.owner, 1, 3)]) == []
        clock.now += 60


def test_a_killed_worker_is_dead_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        held = Holding("ftjob-1", other.stdout.readline().strip(), 1, 0)
        leases = Leases(tmp_path)
        assert leases.dead([held]) == []
        other.kill()
        other.wait()
        assert leases.dead([held]) == [held]


def test_no_step_of_the_clock_takes_a_job_from_its_worker(
    tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = parts.store.claim("another machine's", ("running",))
    assert claim is not None
    worker = a_worker(tmp_path, parts)
    monkeypatch.setattr(worker, "_start", lambda *_: None)
    now = 1_800_000_000
    for step in (0, -7200, 90_000, 400 * 86_400, 0):
        worker.turn(now + step)
        claim.beat()
    assert status(parts) == "running"
    worker.turn(now)
    time.sleep(LEASE)
    worker.turn(now)
    assert parts.store.held()[0].owner != "another machine's"


def test_a_worker_in_a_long_turn_is_heard_of(tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, other, stop = a_worker(tmp_path, parts), a_worker(tmp_path, parts), threading.Event()
    begun = threading.Event()

    def long_turn(*_: object) -> None:
        begun.set()
        stop.wait(5 * LEASE)

    monkeypatch.setattr(busy, "_start", long_turn)
    thread = threading.Thread(target=busy.run, args=(stop, time.time, 0.01))
    thread.start()
    assert begun.wait(PATIENCE)
    [first] = parts.store.held()
    with contextlib.closing(parts.store):
        deadline = time.monotonic() + 3 * LEASE
        while time.monotonic() < deadline:
            other.turn(1_800_000_000)
            time.sleep(LEASE / 20)
        [last] = parts.store.held()
        assert (last.owner, last.fence) == (first.owner, first.fence)
        assert last.beats > first.beats
        stop.set()
        thread.join()


def test_a_worker_that_ends_well_leaves_its_job_to_the_next_at_once(
    tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, stop = a_worker(tmp_path, parts), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, time.time, 0.01))
    thread.start()
    until(lambda: parts.store.held())
    stop.set()
    thread.join()
    assert (parts.store.held(), status(parts)) == ([], "running")
    assert list((tmp_path / "data" / "workers").iterdir()) == []
