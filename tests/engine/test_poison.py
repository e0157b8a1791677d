"""A job that kills or blocks whoever trains it is tried three times, and the next one goes on at once."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config import EngineConfig
from engine.app import create_engine
from engine.parts import Parts
from engine.store import EVENTS, JOBS
from tests.engine.store.rows import a_job
from tests.fakes.bare_gguf import BARE
from tests.fakes.ports import until

# In the trainer of the job with the poison, before anything of ours.
SITECUSTOMIZE = """
import os, pathlib, sys
if "engine.trainer" in sys.orig_argv and "poison" in sys.orig_argv[-1]:
    {poison}
"""
POISONS = {
    "signal SIGABRT": "os.abort()",
    "signal SIGKILL": "os.kill(os.getpid(), 9)",  # as the system does when memory is out
    "stood still": "while True: pass",
}
NEXT_WITHIN = 5.0


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    (tmp_path / "base.gguf").write_bytes(BARE)
    config = EngineConfig(data_dir=tmp_path / "data", base_model=str(tmp_path / "base.gguf"), stall_seconds=0.3)
    app: Flask = create_engine(config)
    stop = threading.Event()
    worker = threading.Thread(target=app.extensions["worker"].run, args=(stop, time.time, 0.02))
    found: Parts = app.extensions["engine"]
    for job_id in ("ftjob-poison", "ftjob-next"):
        found.jobs.folder(job_id).mkdir(parents=True)
        found.store.insert({JOBS: [a_job(job_id, model="base", base="base")]})
    worker.start()
    yield found
    stop.set()
    worker.join()
    found.store.close()


@pytest.fixture
def poison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE.format(poison=POISONS[request.param]))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return str(request.param)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("poison", POISONS, indirect=True)
def test_a_poisonous_job_fails_after_three_attempts_and_the_next_one_starts(poison: str, parts: Parts) -> None:
    def job(name: str) -> Any:
        return parts.store.one(JOBS, id=f"ftjob-{name}")

    until(lambda: job("poison")["status"] == "failed")
    until(lambda: job("next")["status"] == "running", NEXT_WITHIN)
    assert job("poison")["error"]["code"] == "worker_crashed"
    assert poison in job("poison")["error"]["message"]
    warned = parts.store.newest(EVENTS, 9, job_id="ftjob-poison", level="warn")
    assert [poison in event["message"] for event in warned] == [True, True]
