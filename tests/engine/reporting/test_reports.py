"""Runs at Weights & Biases: the real library records a job's steps on disk; whatever it does, the job goes on."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.jobs import event
from engine.reporting.integration import settle
from engine.reporting.reports import Reports, WandbSettings
from engine.store import EVENTS, JOBS, Store
from tests.engine.reporting.run_reader import history, recorders, records
from tests.fakes.ports import until
from tests.fakes.receiver import Receiver
from wire.requests import Integration, WandbRun

JOB = "ftjob-1"
NOW = 1000
STANDS_IN = """
import json, os, pathlib, time
pathlib.Path(__file__).with_name("seen.json").write_text(json.dumps(dict(os.environ)))
class Settings:
    def __init__(self, **settings): pass
def init(**chosen):
    {init}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "facts.sqlite3")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / JOB).mkdir()
    return tmp_path / JOB


@contextmanager
def reporting(store: Store, folder: Path, **settings: str) -> Iterator[Reports]:
    """Reports that look after themselves at the end, as the engine's thread does."""
    reports = Reports(store, lambda job_id: folder.with_name(job_id), WandbSettings(**settings))
    try:
        yield reports
    finally:
        stop = threading.Event()
        stop.set()
        reports.run(stop)


def add_job(store: Store, status: str = "running", steps: int = 0) -> None:
    asked = [Integration(type="wandb", wandb=WandbRun(project="lighthouse", name="first", tags=["mine"]))]
    facts = {"id": JOB, "created_at": 1, "status": status, "model": "tiny", "base": "tiny", "training_file": "file-1"}
    made = {**facts, "seed": 7, "hyperparameters": {"n_epochs": 3}, "integrations": settle(asked, JOB, "tiny")}
    store.insert({JOBS: [{**made, "report": "wanted"}]})
    add_steps(store, 1, steps)


def add_steps(store: Store, first: int, last: int) -> None:
    for step in range(first, last + 1):
        data = {"step": step, "total_steps": 9, "train_loss": 1 / step}
        store.insert({EVENTS: [event(JOB, NOW, f"Step {step}/9", type="metrics", data=data, step=step)]})


def end_job(store: Store, status: str = "succeeded", **values: Any) -> None:
    assert store.move_job(JOB, status, {"running"}, {}, finished_at=NOW, **values)


def is_done(store: Store) -> bool:
    job = store.one(JOBS, id=JOB)
    return job is not None and job["report"] == "done"


def turn_until(reports: Reports, true: Any, now: int = NOW) -> Any:
    def look() -> Any:
        reports.turn(now)
        return true()

    return until(look)


def said(store: Store, level: str = "warn") -> list[str]:
    return [row["message"] for row in store.newest(EVENTS, 50, job_id=JOB, level=level, type="message")]


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, init: str) -> Path:
    """Put a module called wandb before the real one; it writes the environment it sees to the path returned."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "wandb.py").write_text(STANDS_IN.format(init=init))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    return tmp_path / "lib" / "seen.json"


def test_the_steps_of_a_job_are_in_the_history_of_its_run(store: Store, folder: Path) -> None:
    add_job(store, steps=3)
    with reporting(store, folder) as reports:
        turn_until(reports, lambda: said(store, "info"))
        add_steps(store, 4, 200)  # more than may be unread at once
        end_job(store, fine_tuned_model="ft:tiny:personal::12345678", trained_tokens=40)
        turn_until(reports, lambda: is_done(store))
    assert history(folder) == [{"_step": step, "train_loss": 1 / step} for step in range(1, 201)]
    [run] = [one.run for one in records(folder) if one.WhichOneof("record_type") == "run"]
    assert (run.run_id, run.project, run.display_name) == (JOB, "lighthouse", "first")
    assert list(run.tags) == ["mine", "openai/finetune", "openai/tiny", f"openai/{JOB}"]
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert (config["model"], config["hyperparameters"], config["seed"]) == ("tiny", {"n_epochs": 3}, 7)
    summary = [item for one in records(folder) for item in one.summary.update]
    assert ("fine_tuned_model", '"ft:tiny:personal::12345678"') in [(item.key, item.value_json) for item in summary]
    [ended] = [one.exit for one in records(folder) if one.WhichOneof("record_type") == "exit"]
    assert ended.exit_code == 0
    [words] = said(store, "info")
    assert words.startswith(f"Weights & Biases run in DATA_DIR/jobs/{JOB}/wandb/offline-run-")
    assert (folder / "wandb" / words.split("/")[-1].partition(",")[0]).is_dir()
    assert said(store) == []


def test_a_job_that_fails_ends_its_run_as_failed(store: Store, folder: Path) -> None:
    add_job(store, steps=1)
    end_job(store, "failed")
    with reporting(store, folder) as reports:
        turn_until(reports, lambda: is_done(store))
    [ended] = [one.exit for one in records(folder) if one.WhichOneof("record_type") == "exit"]
    assert ended.exit_code == 1


def test_a_job_that_ends_without_a_step_has_no_run(store: Store, folder: Path) -> None:
    add_job(store, "validating_files")
    with reporting(store, folder) as reports:
        reports.turn(NOW)
        assert not is_done(store)
        assert store.move_job(JOB, "failed", {"validating_files"}, {}, finished_at=NOW)
        reports.turn(NOW)
    assert is_done(store)
    assert (list(folder.iterdir()), said(store)) == ([], [])


def test_after_a_kill_the_run_is_recorded_whole(store: Store, folder: Path) -> None:
    add_job(store, steps=5)
    with reporting(store, folder) as first:
        turn_until(first, lambda: said(store, "info"))
        [child] = recorders()
        family = [child, *child.children(recursive=True)]
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == [], "nothing is left when the engine ends"
    add_steps(store, 6, 9)
    end_job(store)
    with reporting(store, folder) as second:
        turn_until(second, lambda: is_done(store))
    assert [line["_step"] for line in history(folder)] == list(range(1, 10))
    assert said(store) == []


def test_a_paused_job_lets_go_of_its_run_and_takes_it_up_again(store: Store, folder: Path) -> None:
    add_job(store, steps=2)
    with reporting(store, folder) as reports:
        turn_until(reports, lambda: said(store, "info"))
        assert store.move_job(JOB, "paused", {"running"}, {})
        reports.turn(NOW)
        assert recorders() == []
        store.update(JOBS, JOB, status="running")
        add_steps(store, 3, 4)
        end_job(store)
        turn_until(reports, lambda: is_done(store))
    assert [line["_step"] for line in history(folder)] == [1, 2, 3, 4]


def test_offline_nothing_is_connected_to(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as canary:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, canary.url)
        monkeypatch.setenv("WANDB_BASE_URL", f"http://{canary.host}")
        monkeypatch.setenv("WANDB_MODE", "online")
        add_job(store, steps=2)
        end_job(store)
        with reporting(store, folder) as reports:
            turn_until(reports, lambda: is_done(store))
        assert canary.connections == 0
    assert [line["_step"] for line in history(folder)] == [1, 2]


def test_without_wandb_the_job_says_how_to_install_it(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "pass")
    (tmp_path / "lib" / "wandb.py").write_text("raise ModuleNotFoundError('No module named wandb', name='wandb')\n")
    add_job(store, steps=1)
    with reporting(store, folder) as reports:
        turn_until(reports, lambda: is_done(store))
    [words] = said(store)
    assert "wandb is not installed; `pip install -r requirements/wandb.txt`" in words


def test_a_wandb_that_fails_is_told_without_the_key(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = stand_in(tmp_path, monkeypatch, "raise RuntimeError('no such entity for ' + os.environ['WANDB_API_KEY'])")
    for name in ("PGPASSWORD", "MY_PASSPHRASE", "HTTPS_PROXY", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN"):
        monkeypatch.setenv(name, "x")
    add_job(store, steps=1)
    with reporting(store, folder, api_key="canary-key") as reports:
        turn_until(reports, lambda: is_done(store))
    assert said(store) == ["The job is not reported to Weights & Biases: RuntimeError: no such entity for ..."]
    environment = json.loads(seen.read_text())
    assert environment["WANDB_MODE"] == "online"
    assert {"WANDB_API_KEY", "HTTPS_PROXY", "WANDB_BASE_URL"} < {*environment}
    assert not {"PGPASSWORD", "MY_PASSPHRASE", "WANDB_IDENTITY_TOKEN"} & set(environment)
    job = store.one(JOBS, id=JOB)
    assert job is not None
    assert job["status"] == "running"


def test_a_run_that_is_never_closed_is_given_up(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = stand_in(tmp_path, monkeypatch, "time.sleep(3600)")
    add_job(store, steps=1)
    with reporting(store, folder) as reports:
        turn_until(reports, seen.exists)
        end_job(store)
        reports.turn(NOW)
        reports.turn(NOW + 600)
        assert not is_done(store)
        reports.turn(NOW + 601)
        assert is_done(store)
    assert said(store) == ["The Weights & Biases run was not closed within 600 seconds."]


def test_a_killed_run_is_told_and_nothing_else_happens(store: Store, folder: Path) -> None:
    add_job(store, steps=1)
    with reporting(store, folder) as reports:
        turn_until(reports, lambda: said(store, "info"))
        [child] = recorders()
        os.kill(child.pid, signal.SIGKILL)
        turn_until(reports, lambda: is_done(store))
    assert said(store) == ["The process of the Weights & Biases run ended before the run did."]


def test_a_job_whose_folder_is_gone_is_told_once(store: Store, folder: Path) -> None:
    folder.rmdir()
    add_job(store, steps=1)
    with reporting(store, folder) as reports:
        for _ in range(3):
            reports.turn(NOW)
    assert said(store) == ["The job is not reported to Weights & Biases: No such file or directory."]


def test_a_disabled_mode_starts_nothing(store: Store, folder: Path) -> None:
    add_job(store, steps=1)
    with reporting(store, folder, api_key="k", mode="disabled") as reports:
        reports.turn(NOW)
    assert is_done(store)
    assert said(store, "info") == ["No Weights & Biases run is recorded: WANDB_MODE is disabled."]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "mode", "settled"),
    [
        ("", "", "offline"),
        ("", "online", "offline"),
        ("k", "", "online"),
        ("k", "online", "online"),
        ("k", "offline", "offline"),
        ("k", "dryrun", "offline"),
        ("k", "nonsense", "offline"),
        ("k", "disabled", "disabled"),
    ],
)
def test_only_a_key_leads_online_and_a_child_has_it_only_then(key: str, mode: str, settled: str) -> None:
    settings = WandbSettings(key, mode)
    assert settings.settled == settled
    assert ("WANDB_API_KEY" in settings.environment) is (settled == "online")
    assert "k'" not in repr(WandbSettings("k"))


def test_a_stopped_run_does_not_keep_the_others_waiting(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = stand_in(tmp_path, monkeypatch, "time.sleep(3600)")
    add_job(store, steps=300)
    with reporting(store, folder) as reports:
        turn_until(reports, seen.exists)
        [child] = recorders()
        child.suspend()
        began = time.monotonic()
        for _ in range(20):
            reports.turn(NOW)
        assert time.monotonic() - began < 20
        child.resume()
