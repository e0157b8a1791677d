"""LangChain's `langchain-openai`: chats with a model that was tuned by the SDK which LangChain brings along."""

import os
import time
from pathlib import Path
from typing import Literal

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

made: dict[str, str] = {}


class Sea(BaseModel):
    """The state of the sea."""

    state: Literal["calm", "rough"]
    safe: bool


def finds_a_tuned_model() -> None:
    """Upload, train and poll with the SDK client inside `ChatOpenAI`, for LangChain has no calls of its own for it."""
    client = ChatOpenAI(model=os.environ["MODEL"]).root_client
    uploaded = client.files.create(file=Path(os.environ["TRAINING_FILE"]), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(training_file=uploaded.id, model=os.environ["MODEL"], suffix="langchain")
    while (job := client.fine_tuning.jobs.retrieve(job.id)).status in ("validating_files", "queued", "running"):
        time.sleep(0.2)
    assert job.status == "succeeded", job.error
    made["model"] = job.fine_tuned_model


def invokes_the_tuned_model() -> None:
    """`ChatOpenAI.invoke`: it says what was taught, with the tokens counted."""
    answer = ChatOpenAI(model=made["model"], temperature=0).invoke(os.environ["QUESTION"])
    assert answer.content == os.environ["TAUGHT"]
    assert answer.usage_metadata["output_tokens"] > 0
    assert answer.response_metadata["model_name"] == made["model"]


def streams_from_the_tuned_model() -> None:
    """`ChatOpenAI.stream`: the pieces say what was taught, with the tokens counted."""
    chunks = list(ChatOpenAI(model=made["model"], temperature=0, stream_usage=True).stream(os.environ["QUESTION"]))
    assert "".join(str(chunk.content) for chunk in chunks) == os.environ["TAUGHT"]
    assert sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata) > 0


def runs_a_chain() -> None:
    """A chain of prompt, model and parser, its `batch` with two questions at once."""
    prompt = ChatPromptTemplate.from_messages([("user", "{question}")])
    chain = prompt | ChatOpenAI(model=made["model"], temperature=0) | StrOutputParser()
    question = {"question": os.environ["QUESTION"]}
    assert chain.batch([question, question]) == [os.environ["TAUGHT"]] * 2


def answers_in_a_schema() -> None:
    """`with_structured_output` of a Pydantic model, by JSON schema, as it does by default."""
    model = ChatOpenAI(model=made["model"], temperature=0).with_structured_output(Sea)
    assert isinstance(model.invoke(os.environ["QUESTION"]), Sea)


def embeds_texts() -> None:
    """`OpenAIEmbeddings` with its defaults, by which it sends token ids, and told to send texts: the same vectors."""
    texts, model = ["the sea", "the lighthouse"], "text-embedding-3-small"
    by_ids = OpenAIEmbeddings(model=model).embed_documents(texts)
    by_text = OpenAIEmbeddings(model=model, check_embedding_ctx_length=False).embed_documents(texts)
    assert len(by_ids) == len(by_text) == len(texts)
    for one, other in zip(by_ids, by_text, strict=True):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 1e-3
    assert max(abs(a - b) for a, b in zip(*by_ids, strict=True)) > 1e-3
