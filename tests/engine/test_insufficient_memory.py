"""A job that cannot fit into the memory is failed before its first step, and what is said to fit does."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.contract.files import jsonl
from tests.contract.preferences import metrics, wait
from tests.engine.sdk import sdk
from tests.engine.working import working

# In the trainer: a machine that has so many bytes of memory left.
SMALL_MACHINE = """
import sys
if "engine.trainer" in sys.orig_argv:
    import psutil
    measured = psutil.virtual_memory
    psutil.virtual_memory = lambda: measured()._replace(available={free})
"""
LINES = [
    {"messages": [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": "So. " * 40}]}
    for number in range(10)
]
FREE = 12 * 1024**2  # for four rows of these, and not for eight (19 MB)
Leave = Callable[[int], None]


@pytest.fixture
def leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leave:
    """Let trainers find so many bytes of free memory."""
    path = tmp_path / "machine" / "sitecustomize.py"
    path.parent.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(path.parent))

    def written(free: int) -> None:
        path.write_text(SMALL_MACHINE.format(free=free))

    return written


@pytest.fixture
def engine(tiny_gguf: Path, tmp_path: Path) -> Iterator[tuple[OpenAI, Path]]:
    """An engine with its worker, and the folder of its jobs."""
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    with working(tmp_path / "data", tmp_path / "tiny.gguf", training_threads=1) as app, sdk(app) as client:
        yield client, tmp_path / "data" / "jobs"


def trained(client: OpenAI, batch_size: int) -> Any:
    file = client.files.create(file=("t.jsonl", jsonl(LINES)), purpose="fine-tune").id
    hyperparameters: Any = {"n_epochs": 1, "batch_size": batch_size}
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file, hyperparameters=hyperparameters)
    return wait(client, job.id)


def assert_no_step_was_trained(client: OpenAI, jobs: Path, job: Any) -> None:
    assert (job.status, job.error.code) == ("failed", "insufficient_memory")
    assert (job.fine_tuned_model, job.trained_tokens, job.result_files) == (None, None, [])
    told = list(client.fine_tuning.jobs.list_events(job.id))
    assert metrics(client, job.id) == []
    assert [event.message for event in told if event.message.startswith(("Step ", "Foreseen "))] == []
    assert [event.message for event in told if event.level == "error"] == [job.error.message]
    assert [event for event in told if event.level == "warn"] == []  # nothing was tried a second time
    assert list(jobs.glob(f"{job.id}/checkpoints/*")) == []


def test_a_batch_that_cannot_fit_fails_with_one_that_does(engine: tuple[OpenAI, Path], leave: Leave) -> None:
    client, jobs = engine
    leave(FREE)
    job = trained(client, batch_size=8)
    assert_no_step_was_trained(client, jobs, job)
    words = r"A step on 8 rows of up to \d+ tokens would need \d+ MB of memory beside the model, but \d+ MB are free\. "
    found = re.fullmatch(words + r"It would fit with a batch_size of (\d)\.", job.error.message)
    assert found, job.error.message
    smaller = trained(client, batch_size=int(found[1]))
    assert smaller.status == "succeeded", smaller.error
    assert_no_step_was_trained(client, jobs, trained(client, batch_size=int(found[1]) + 1))


def test_a_base_that_cannot_fit_fails_the_job_too(engine: tuple[OpenAI, Path], leave: Leave) -> None:
    client, jobs = engine
    leave(1000)
    job = trained(client, batch_size=1)
    assert_no_step_was_trained(client, jobs, job)
    assert job.error.message.startswith("The base model tiny.gguf takes ")
    assert job.error.message.endswith("0 MB are free. Free memory, or use a smaller base model.")
