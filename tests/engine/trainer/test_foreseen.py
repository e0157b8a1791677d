"""What is foreseen of a small run is held against what the run then really takes."""

import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.trainer import checkpoints, preflight
from engine.trainer.crew import Crew
from engine.trainer.loop import train
from engine.trainer.preflight import Forecast
from engine.trainer.progress import Progress
from engine.trainer.spec import read_spec
from engine.trainer.steps import Objective
from tests.engine.trainer.conftest import PAIRS, ROWS, write_job

LOOKED_AT: list[tuple[Path, list[int]]] = []
Said = list[dict[str, Any]]


def bytes_in(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def look(event: str, _: object) -> None:
    """Note how much there is before anything goes or takes another's place: it is never more."""
    if LOOKED_AT and event in ("os.rename", "os.remove", "shutil.rmtree"):
        folder, sizes = LOOKED_AT[-1]
        sizes.append(bytes_in(folder))


sys.addaudithook(look)


@contextmanager
def most_bytes(folder: Path) -> Iterator[list[int]]:
    """Yield sizes of all that is in a folder, the largest it had among them."""
    sizes = [bytes_in(folder)]
    LOOKED_AT.append((folder, sizes))
    try:
        yield sizes
    finally:
        LOOKED_AT.pop()
        sizes.append(bytes_in(folder))


def run(job: Path) -> Said:
    said = io.StringIO()
    train(read_spec(job), job, Progress(said))
    return [json.loads(line) for line in said.getvalue().splitlines()]


def of_kind(said: Said, kind: str) -> Said:
    return [one for one in said if one["kind"] == kind]


@pytest.mark.parametrize(("rows", "method"), [(ROWS, "supervised"), (PAIRS, "dpo")])
def test_the_disk_that_is_foreseen_holds_the_run_at_its_fullest(
    rows: Any, method: str, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)  # a checkpoint after each step, as in a run of hours
    epochs = checkpoints.KEPT + 2
    settings = {"n_epochs": epochs, "batch_size": 2}
    job = write_job(tmp_path / "job", tiny_gguf, rows, hyperparameters=settings, method=method)
    before = bytes_in(job)
    with most_bytes(job) as sizes:
        said = run(job)
    assert len(of_kind(said, "checkpoint")) == epochs
    assert of_kind(said, "saved")
    [foreseen] = of_kind(said, "preflight")
    written = max(sizes) - before
    assert written > bytes_in(job) - before, "it is fullest amid the run"
    assert written <= foreseen["disk"] < 1.5 * written


def test_the_time_that_is_foreseen_is_made_of_this_runs_own_trials_and_of_what_it_then_does(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe, kept = preflight.probe, list[tuple[Forecast, float]]()

    def timed(objective: Objective, items: Any, crew: Crew) -> Forecast:
        began = time.perf_counter()
        found = probe(objective, items, crew)
        kept.append((found, time.perf_counter() - began))
        return found

    monkeypatch.setattr(preflight, "probe", timed)
    job = write_job(tmp_path / "job", tiny_gguf, ROWS, hyperparameters={"n_epochs": 3, "batch_size": 2})
    said = run(job)
    [(forecast, took)], [foreseen] = kept, of_kind(said, "preflight")
    trial, steps = forecast.trial, of_kind(said, "step")
    assert 0 < trial.forward[-1] <= trial.whole < took
    trained = json.loads((job / "result.json").read_text())["trained_tokens"]
    assert foreseen["tokens"] == trained
    assert foreseen["seconds"] == pytest.approx(trial.seconds(trained, len(steps)))
    assert of_kind(said, "pace")[0]["step_seconds"] == pytest.approx(foreseen["seconds"] / len(steps))
