"""A job that really trains, with the integration: its run on disk has every step, and the job knows nothing of it."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from engine.store import JOBS
from tests.contract.preferences import metrics
from tests.engine.reporting.run_reader import history
from tests.fakes.ports import until

LINE = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
LINES = (json.dumps(LINE) + "\n").encode() * 6


def test_the_history_of_the_run_is_the_jobs(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    app = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(tmp_path / "tiny.gguf"), context_tokens=256))
    stop = threading.Event()
    loops = [threading.Thread(target=app.extensions[name].run, args=(stop,)) for name in ("worker", "reports")]
    for loop in loops:
        loop.start()
    parts = app.extensions["engine"]
    http = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    try:
        with OpenAI(api_key="unused", base_url="http://localhost/v1", http_client=http, max_retries=0) as client:
            file = client.files.create(purpose="fine-tune", file=("t.jsonl", io.BytesIO(LINES)))
            wanted: Any = [{"type": "wandb", "wandb": {"project": "lighthouse"}}]
            asked: Any = {"n_epochs": 3, "batch_size": 2}
            job = client.fine_tuning.jobs.create(
                model="tiny", training_file=file.id, integrations=wanted, hyperparameters=asked
            )
            until(lambda: parts.store.newest(JOBS, 1, report="done"))
            ended = client.fine_tuning.jobs.retrieve(job.id)
            assert ended.status == "succeeded", ended.error
            told = [{"_step": one.pop("step"), **one} for one in metrics(client, job.id)[::-1]]
    finally:
        stop.set()
        for loop in loops:
            loop.join()
        parts.pool.close()
        parts.store.close()
    assert len(told) == 9
    assert history(tmp_path / "jobs" / job.id) == [
        {name: value for name, value in one.items() if name != "total_steps"} for one in told
    ]
