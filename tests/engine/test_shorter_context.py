"""A base model that was made for fewer tokens than CONTEXT_TOKENS is trained and asked within its own."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.contract.files import jsonl
from tests.contract.preferences import wait
from tests.engine.chatting import ENDLESS
from tests.tiny_models import write_tiny_gguf

OWN = 96
LINE = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "word " * OWN}]}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[OpenAI]:
    """A client of a whole engine, its worker at work, with a base model of OWN tokens."""
    base = write_tiny_gguf(tmp_path / "tiny.gguf", context=OWN)
    app = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(base), context_tokens=4 * OWN, parallel=1))
    stop = threading.Event()
    worker = threading.Thread(target=app.extensions["worker"].run, args=(stop,))
    worker.start()
    http_client = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    with OpenAI(api_key="x", base_url="http://localhost/v1", http_client=http_client, max_retries=0) as client:
        yield client
    stop.set()
    worker.join()
    app.extensions["engine"].pool.close()


def test_a_longer_setting_counts_as_the_models_own_context(client: OpenAI) -> None:
    file = client.files.create(file=("t.jsonl", jsonl([LINE] * 2)), purpose="fine-tune")
    settings: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 2}}}
    job = client.fine_tuning.jobs.create(training_file=file.id, model="tiny", method=settings)
    trained = wait(client, job.id)
    assert trained.status == "succeeded", trained.error
    assert trained.trained_tokens == 2 * OWN
    told = [one.message for one in client.fine_tuning.jobs.list_events(job.id) if one.level == "warn"]
    least = f"CONTEXT_TOKENS is {4 * OWN}, but the base model was made for at most {OWN} tokens: examples end there."
    assert least in told
    asked: Any = {"messages": [{"role": "user", "content": "q"}], **ENDLESS}
    answer = client.chat.completions.create(model=trained.fine_tuned_model, **asked)
    assert answer.usage is not None
    assert (answer.choices[0].finish_reason, answer.usage.total_tokens) == ("length", OWN)
