"""A trainer that lives and does nothing is found, ended, and its job goes on from its checkpoint."""

import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.worker import Worker
from tests.contract.files import LINES, jsonl
from tests.contract.preferences import metrics, wait
from tests.engine.sdk import sdk
from tests.engine.working import working
from tests.fakes.ports import until

ROWS, EPOCHS = 12, 30


def trainer(job_id: str) -> psutil.Process:
    """Return the process that trains the job, not the keepers of its walls."""
    family = psutil.Process().children(recursive=True)
    [found] = [one for one in family if one.name() != "bwrap" and one.cmdline()[-1].endswith(job_id)]
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_stopped_trainer_is_ended_and_its_job_goes_on(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    with working(tmp_path / "data", tmp_path / "tiny.gguf", training_threads=1) as app, sdk(app) as client:
        file = client.files.create(file=("t.jsonl", jsonl(LINES * (ROWS // len(LINES)))), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(
            model="tiny", training_file=file, hyperparameters={"n_epochs": EPOCHS, "batch_size": 1}
        )
        until(lambda: metrics(client, job.id)[:1] and metrics(client, job.id)[0]["step"] > 2 * ROWS)
        worker: Worker = app.extensions["worker"]
        stuck, run = trainer(job.id), worker._run
        assert run is not None
        stuck.send_signal(signal.SIGSTOP)
        run._watch.patience = 2  # of the half hour; a new run has it again
        until(lambda: not stuck.is_running())
        ended = wait(client, job.id)
        assert ended.status == "succeeded", ended.error
        told: list[Any] = list(client.fine_tuning.jobs.list_events(job.id, limit=100))[::-1]
    warned = [event.message for event in told if event.level == "warn"]
    assert warned[-1:] == ["The trainer stood still for 2 seconds and was ended; going on from what is on disk"]
    plans = [event.data for event in told if "resumed_from" in (event.data or {})]
    assert plans[0]["resumed_from"] is None
    assert [plan["resumed_from"] >= ROWS for plan in plans[1:]] == [True]
    steps = [event.data["step"] for event in told if event.type == "metrics"]
    assert steps == list(range(1, ROWS * EPOCHS + 1))
