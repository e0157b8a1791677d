"""Fine-tuned models under a name of OpenAI's, for clients that know no other."""

import json
import re
import threading
from pathlib import Path

import httpx2
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.contract.preferences import wait

LINE = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}


def test_a_model_may_be_named_after_openais_and_answers_by_that_name(tiny_gguf: Path, tmp_path: Path) -> None:
    config = EngineConfig(
        data_dir=tmp_path, base_model=str(tiny_gguf), context_tokens=256, base_in_names="gpt-3.5-turbo-1106"
    )
    app, stop = create_engine(config), threading.Event()
    parts, worker = app.extensions["engine"], app.extensions["worker"]
    working = threading.Thread(target=worker.run, args=(stop,))
    working.start()
    http = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    try:
        with OpenAI(api_key="unused", base_url="http://localhost/v1", http_client=http) as client:
            train_and_ask(client)
    finally:
        stop.set()
        working.join()
        parts.pool.close()
        parts.store.close()


def train_and_ask(client: OpenAI) -> None:
    """Train a model, and see that its name hides nothing: the job says what was trained."""
    file = client.files.create(file=("t.jsonl", (json.dumps(LINE) + "\n").encode() * 4), purpose="fine-tune")
    job_id = client.fine_tuning.jobs.create(
        training_file=file.id, model="gpt-4o-mini", hyperparameters={"n_epochs": 2, "batch_size": 4}
    ).id
    job = wait(client, job_id)
    name = job.fine_tuned_model or ""
    assert re.fullmatch(r"ft:gpt-3\.5-turbo-1106:personal::\w{8}", name), job.error
    assert job.model == "tiny"
    [last, first] = client.fine_tuning.jobs.checkpoints.list(job_id).data
    assert last.fine_tuned_model_checkpoint == name
    assert first.fine_tuned_model_checkpoint.startswith("ft:gpt-3.5-turbo-1106:personal::")
    assert client.models.retrieve(name).owned_by == "personal"
    asked = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hi"}], max_tokens=2)
    assert asked.model == name
    further = client.fine_tuning.jobs.create(training_file=file.id, model=name)
    client.fine_tuning.jobs.cancel(further.id)
