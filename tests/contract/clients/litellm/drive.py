"""LiteLLM's SDK as a client: its files, its fine-tuning jobs, its completions."""

import os
import time
from pathlib import Path
from typing import Any

import litellm

model = os.environ["MODEL"]
asked: dict[str, Any] = {"messages": [{"role": "user", "content": os.environ["QUESTION"]}], "temperature": 0}
made: dict[str, str] = {}


def uploads_a_training_file() -> None:
    """Upload a training file with `create_file`, read it back with `file_content`."""
    training_file = Path(os.environ["TRAINING_FILE"])
    with training_file.open("rb") as file:
        uploaded: Any = litellm.create_file(file=file, purpose="fine-tune", custom_llm_provider="openai")
    content: Any = litellm.file_content(uploaded.id, custom_llm_provider="openai")
    assert content.content == training_file.read_bytes()
    made["file"] = uploaded.id


def follows_a_job_to_its_end() -> None:
    """Create a job with `create_fine_tuning_job`, poll it to `succeeded`, find it in the list."""
    job: Any = litellm.create_fine_tuning_job(
        model=model, training_file=made["file"], hyperparameters={"n_epochs": 10, "batch_size": 4}, suffix="litellm"
    )
    while job.status in ("validating_files", "queued", "running"):
        time.sleep(0.2)
        job = litellm.retrieve_fine_tuning_job(job.id)
    assert job.status == "succeeded", job.error
    listed: Any = litellm.list_fine_tuning_jobs(limit=1)
    assert job.id in [one.id for one in listed]
    made["model"] = job.fine_tuned_model


def chats_with_the_tuned_model() -> None:
    """Ask the tuned model as `openai/ft:...`, whole; it says what was taught, and its tokens are counted."""
    whole: Any = litellm.completion(model=f"openai/{made['model']}", **asked)
    assert whole.choices[0].message.content == os.environ["TAUGHT"]
    assert whole.usage.completion_tokens > 0


def streams_from_the_tuned_model() -> None:
    """Ask it so again, streamed; the pieces put together by LiteLLM say what was taught."""
    pieces = list(litellm.completion(model=f"openai/{made['model']}", stream=True, **asked))
    whole: Any = litellm.stream_chunk_builder(pieces)
    assert whole.choices[0].message.content == os.environ["TAUGHT"]


def cancels_a_job() -> None:
    """Create a second job and cancel it with `cancel_fine_tuning_job`."""
    job: Any = litellm.create_fine_tuning_job(model=model, training_file=made["file"])
    cancelled: Any = litellm.cancel_fine_tuning_job(job.id)
    assert cancelled.status == "cancelled"


def knows_an_unknown_model() -> None:
    """Ask for a model that is not there: LiteLLM raises its `NotFoundError`."""
    try:
        litellm.completion(model="openai/no-such-model", **asked)
    except litellm.NotFoundError:
        return
    raise AssertionError("nothing was raised")
