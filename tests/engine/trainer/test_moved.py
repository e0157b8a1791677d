"""A job that had begun goes on where its folder and its base model are now, with what was settled at its start."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import backup, durable
from engine.jobs import AUTO
from engine.run import write_spec
from engine.store import JOBS, Store
from engine.trainer.__main__ import run
from engine.trainer.progress import Progress
from tests.engine.store.rows import a_job
from tests.engine.trainer.conftest import ROWS, write_rows

SETTINGS = {"n_epochs": 3, "batch_size": 3, "learning_rate_multiplier": "auto"}
JOB = a_job(status="paused", hyperparameters=SETTINGS)


class Paused(Exception):
    """The trainer is ended here."""


class UntilCheckpoint(io.StringIO):
    """A channel to somebody who ends the trainer at its first checkpoint."""

    def write(self, text: str) -> int:
        if '"checkpoint"' in text:
            raise Paused
        return super().write(text)


def test_a_spec_keeps_what_was_settled_and_follows_its_folder(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "init_adapter").mkdir(parents=True)
    for name in ("training_file.jsonl", "validation_file.jsonl", "base.gguf"):
        (old / name).touch()
    write_spec(a_job(hyperparameters=AUTO), old, old / "base.gguf", max_tokens=256, threads=2, rehearses=True)
    begun = durable.read_json(old / "spec.json")
    old.rename(new)
    write_spec(a_job(hyperparameters=SETTINGS), new, new / "base.gguf", max_tokens=99, threads=1)
    moved = {name: value.replace(str(old), str(new)) for name, value in begun.items() if isinstance(value, str)}
    assert durable.read_json(new / "spec.json") == begun | moved | {"threads": 1}


def test_a_restored_job_goes_on_from_its_checkpoint_when_the_old_folder_is_gone(
    tiny_gguf: Path, tmp_path: Path, run_here: Callable[[Path], tuple[int, list[dict[str, Any]]]]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    folder = old / "jobs" / "ftjob-1"
    folder.mkdir(parents=True)
    write_rows(folder / "training_file.jsonl", ROWS)
    store = Store(old / backup.DATABASE)
    store.insert({JOBS: [JOB]})
    write_spec(JOB, folder, Path(shutil.copy(tiny_gguf, old)), max_tokens=256, threads=1)
    with pytest.raises(Paused):
        run(folder, Progress(UntilCheckpoint()))
    backup.back_up(store, old, tmp_path / "backup")
    store.close()
    new.mkdir()
    backup.restore(tmp_path / "backup", new)
    shutil.rmtree(old)
    folder = new / "jobs" / "ftjob-1"
    write_spec(JOB, folder, Path(shutil.copy(tiny_gguf, new)), max_tokens=256, threads=1)
    code, messages = run_here(folder)
    assert (code, messages[0]["resumed_from"]) == (0, 2)
    assert (folder / "result.json").is_file()
