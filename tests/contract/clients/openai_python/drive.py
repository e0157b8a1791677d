"""OpenAI's own Python SDK, as its users write it; the 1.x line and ours run the same script."""

import os
import time
from pathlib import Path
from typing import Any

from openai import OpenAI
from pydantic import BaseModel

client = OpenAI()
model = os.environ["MODEL"]
asked: dict[str, Any] = {"messages": [{"role": "user", "content": os.environ["QUESTION"]}], "temperature": 0}
made: dict[str, str] = {}


class Sea(BaseModel):
    """An answer that has a form."""

    calm: bool


def uploads_a_training_file() -> None:
    """Upload a training file, wait until it is processed, read it back, find it in the list."""
    training_file = Path(os.environ["TRAINING_FILE"])
    uploaded = client.files.create(file=training_file, purpose="fine-tune")
    assert client.files.content(uploaded.id).read() == training_file.read_bytes()
    assert client.files.wait_for_processing(uploaded.id).status == "processed"
    assert uploaded.id in [one.id for one in client.files.list(purpose="fine-tune")]
    made["file"] = uploaded.id


def follows_a_job_to_its_end() -> None:
    """Create a job, poll it to `succeeded`, page through its events, read its result file."""
    job = client.fine_tuning.jobs.create(
        training_file=made["file"],
        model=model,
        suffix="sdk",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 10, "batch_size": 4}}},
    )
    while (job := client.fine_tuning.jobs.retrieve(job.id)).status in ("validating_files", "queued", "running"):
        time.sleep(0.2)
    assert job.status == "succeeded", job.error
    assert job.fine_tuned_model
    assert job.id in [one.id for one in client.fine_tuning.jobs.list(limit=1)]
    told = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=5)]
    assert told[-1] == f"Created fine-tuning job: {job.id}"
    assert client.files.content(job.result_files[0]).text.startswith("step,train_loss")
    made["model"] = job.fine_tuned_model


def chats_with_the_tuned_model() -> None:
    """Ask the tuned model by its name, whole and streamed; both say what was taught."""
    whole = client.chat.completions.create(model=made["model"], **asked)
    assert whole.choices[0].message.content == os.environ["TAUGHT"]
    pieces = client.chat.completions.create(model=made["model"], stream=True, **asked)
    said = [piece.choices[0].delta.content or "" for piece in pieces]
    assert "".join(said) == os.environ["TAUGHT"]


def parses_an_answer_in_a_schema() -> None:
    """Ask for an answer in a JSON schema, parsed by the SDK's `chat.completions.parse`."""
    parsed = client.chat.completions.parse(model=made["model"], response_format=Sea, **asked)
    assert isinstance(parsed.choices[0].message.parsed, Sea)


def lists_and_deletes_the_model() -> None:
    """Find the tuned model in the list of models, and delete it."""
    assert made["model"] in [one.id for one in client.models.list()]
    assert client.models.delete(made["model"]).deleted
