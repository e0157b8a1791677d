"""LlamaIndex: its fine-tuning engine, which names the model that its LLM then asks."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import llama_index.core
from llama_index.core.llms import ChatMessage
from llama_index.finetuning import OpenAIFinetuneEngine
from llama_index.llms.openai import OpenAI

question, taught = os.environ["QUESTION"], os.environ["TAUGHT"]
made: dict[str, Any] = {}
# It checks the file by a tokenizer that it has itself, and would fetch again.
os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache")


def follows_a_job_to_its_end() -> None:
    """`OpenAIFinetuneEngine`: validate and upload the file, create the job, ask for it until it has `succeeded`."""
    engine = OpenAIFinetuneEngine(os.environ["MODEL"], os.environ["TRAINING_FILE"], verbose=True)
    engine.finetune()
    while (job := engine.get_current_job()).status in ("validating_files", "queued", "running"):
        time.sleep(0.2)
    assert job.status == "succeeded", job.error
    made.update(engine=engine, job=job)


def finds_the_job_again() -> None:
    """A second `OpenAIFinetuneEngine`, from the job's id alone, finds the job and its model."""
    again = OpenAIFinetuneEngine(os.environ["MODEL"], os.environ["TRAINING_FILE"], start_job_id=made["job"].id)
    assert again.get_current_job().fine_tuned_model == made["job"].fine_tuned_model


def chats_with_the_tuned_model() -> None:
    """`get_finetuned_model` gives LlamaIndex's LLM of it, whose `chat` says what was taught."""
    made["llm"] = made["engine"].get_finetuned_model(temperature=0)
    assert made["llm"].model == made["job"].fine_tuned_model
    assert made["llm"].chat([ChatMessage(role="user", content=question)]).message.content == taught


def streams_from_the_tuned_model() -> None:
    """Its `stream_chat` and `complete` say what was taught, too."""
    pieces = list(made["llm"].stream_chat([ChatMessage(role="user", content=question)]))
    assert "".join(piece.delta or "" for piece in pieces) == taught
    assert made["llm"].complete(question).text == taught


def is_asked_by_its_name() -> None:
    """LlamaIndex's `OpenAI(model="ft:...")` made anew, asked at once by two callers of its async calls."""

    async def ask() -> list[str]:
        llm = OpenAI(model=made["job"].fine_tuned_model, temperature=0)
        answers = await asyncio.gather(*(llm.acomplete(question) for _ in range(2)))
        return [answer.text for answer in answers]

    assert asyncio.run(ask()) == [taught, taught]
