"""A job that really trains, with the integration: its run on disk has every step, and the job knows nothing of it."""

import io
import json
import threading
from pathlib import Path
from typing import Any

from engine.store import JOBS
from tests.contract.preferences import metrics
from tests.engine.reporting.run_reader import history
from tests.engine.sdk import sdk
from tests.engine.working import working
from tests.fakes.ports import until

LINE = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
LINES = (json.dumps(LINE) + "\n").encode() * 6


def test_the_history_of_the_run_is_the_jobs(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    stop = threading.Event()
    with working(tmp_path, tmp_path / "tiny.gguf") as app, sdk(app) as client:
        reports = threading.Thread(target=app.extensions["reports"].run, args=(stop,))
        reports.start()
        try:
            file = client.files.create(purpose="fine-tune", file=("t.jsonl", io.BytesIO(LINES)))
            wanted: Any = [{"type": "wandb", "wandb": {"project": "lighthouse"}}]
            asked: Any = {"n_epochs": 3, "batch_size": 2}
            job = client.fine_tuning.jobs.create(
                model="tiny", training_file=file.id, integrations=wanted, hyperparameters=asked
            )
            until(lambda: app.extensions["engine"].store.newest(JOBS, 1, report="done"))
            ended = client.fine_tuning.jobs.retrieve(job.id)
            assert ended.status == "succeeded", ended.error
            told = [{"_step": one.pop("step"), **one} for one in metrics(client, job.id)[::-1]]
        finally:
            stop.set()
            reports.join()
    assert len(told) == 9
    assert history(tmp_path / "jobs" / job.id) == [
        {name: value for name, value in one.items() if name != "total_steps"} for one in told
    ]
