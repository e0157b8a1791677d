"""A model that thinks before it answers, by the template of Qwen 3: its thought stands apart, in all forms alike."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.engine.chatting import HI
from tests.tiny_models import write_scripted_gguf
from tests.tiny_models.qwen3 import TEMPLATE

SCRIPT = ["<think>", "Bees make", " it.", "</think>", "Honey", ", they", " do."]
THOUGHT, ANSWER = SCRIPT[1:3], SCRIPT[4:]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    folder = tmp_path_factory.mktemp("thoughts")
    base = write_scripted_gguf(folder / "thinker.gguf", SCRIPT, TEMPLATE)
    app = create_engine(EngineConfig(data_dir=folder, base_model=str(base), context_tokens=128, serving_threads=1))
    transport = httpx2.WSGITransport(app=app)
    with OpenAI(api_key="x", base_url="http://localhost/v1", http_client=httpx2.Client(transport=transport)) as client:
        yield client
    app.extensions["engine"].pool.close()


def ask(client: OpenAI, **fields: Any) -> Any:
    asked = {"model": "thinker", "messages": HI, "temperature": 0, "max_tokens": 20, "logprobs": True, **fields}
    return client.chat.completions.create(**asked)


def test_log_probabilities_are_those_of_the_content(client: OpenAI) -> None:
    (choice,) = ask(client).choices
    assert choice.message.content == "".join(ANSWER)
    assert [one.token for one in choice.logprobs.content] == ANSWER
    assert choice.message.reasoning_content == "".join(THOUGHT)


def test_a_stream_tells_the_same(client: OpenAI) -> None:
    pieces = [chunk.choices[0] for chunk in ask(client, stream=True)]
    told = [one.token for piece in pieces if piece.logprobs for one in piece.logprobs.content]
    assert "".join(piece.delta.content or "" for piece in pieces) == "".join(ANSWER)
    assert told == ANSWER
    thought = [getattr(piece.delta, "reasoning_content", None) or "" for piece in pieces]
    assert "".join(thought) == "".join(THOUGHT)


def test_a_response_tells_the_same(client: OpenAI) -> None:
    asked: dict[str, Any] = {"include": ["message.output_text.logprobs"], "temperature": 0, "max_output_tokens": 20}
    (part,) = client.responses.create(model="thinker", input="Hi", **asked).output[0].content
    assert part.text == "".join(ANSWER)
    assert [one.token for one in part.logprobs] == ANSWER
