"""Tools in a chat: calls that can be read, and what a model writes that is none; scripted models, the real SDK."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from flask.testing import FlaskClient
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.tiny_models import CALLS, write_scripted_gguf
from wire.chat import ChatCreate
from wire.requests import parse

CALL = ["<tool_call>", '\n{"name": "weather", ', '"arguments": {"city": "Oslo"}}', "\n</tool_call>"]
NO_CALL = ["<tool_call>", "\nthe weather in Oslo", "\n</tool_call>"]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ASKED: Any = {
    "messages": [{"role": "user", "content": "Is it warm in Oslo?"}],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}],
    "temperature": 0,
}
Says = Callable[[Sequence[str]], OpenAI]


@pytest.fixture
def says(tmp_path: Path) -> Iterator[Says]:
    """A client of an engine whose base model, `base`, answers everything with the given tokens."""
    with ExitStack() as ends:

        def start(script: Sequence[str]) -> OpenAI:
            base = write_scripted_gguf(tmp_path / "base.gguf", script, CALLS)
            app = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(base), context_tokens=512, parallel=1))
            ends.callback(app.extensions["engine"].pool.close)
            http_client = httpx2.Client(transport=httpx2.WSGITransport(app=app))
            return ends.enter_context(
                OpenAI(api_key="x", base_url="http://localhost/v1", http_client=http_client, max_retries=0)
            )

        yield start


def both_ways(client: OpenAI, **fields: Any) -> Any:
    """Return the whole answer, once a stream has said the same."""
    asked = {"model": "base", **ASKED, **fields}
    whole = client.chat.completions.create(**asked)
    *chunks, last = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    for choice in whole.choices:
        pieces = [chunk.choices[0] for chunk in chunks if chunk.choices[0].index == choice.index]
        assert "".join(piece.delta.content or "" for piece in pieces) == choice.message.content
        assert [piece.finish_reason for piece in pieces] == [None] * (len(pieces) - 1) + [choice.finish_reason]
        called = [call.function for piece in pieces for call in piece.delta.tool_calls or []]
        wanted = [call.function.arguments for call in choice.message.tool_calls or []]
        assert "".join(call.arguments for call in called) == "".join(wanted)
    return whole


def test_a_call_that_can_be_read_is_a_call(says: Says) -> None:
    (choice,) = both_ways(says(["Let me see. ", *CALL])).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me see. "
    (call,) = choice.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}')


@pytest.mark.parametrize("before", [[], ["Let me see. "]])
def test_a_call_that_cannot_be_read_is_plain_text(says: Says, before: list[str]) -> None:
    client, text = says([*before, *NO_CALL]), "".join([*before, *NO_CALL])
    whole = both_ways(client, n=2)
    assert [choice.message.content for choice in whole.choices] == [text, text]
    assert [choice.finish_reason for choice in whole.choices] == ["stop", "stop"]
    assert whole.choices[0].message.tool_calls is None
    plain = client.chat.completions.create(model="base", **ASKED | {"tool_choice": "none"})
    assert whole.usage.completion_tokens == 2 * plain.usage.completion_tokens
    for most in (1, 2):
        cut = both_ways(client, max_tokens=most)
        assert cut.choices[0].finish_reason == "length"
        assert text.startswith(cut.choices[0].message.content)
        assert cut.usage.completion_tokens == most


def test_a_call_that_is_cut_ends_by_length(says: Says) -> None:
    whole = says(CALL).chat.completions.create(model="base", **ASKED, max_tokens=2)
    assert whole.choices[0].finish_reason == "length"


def called(arguments: str) -> list[Any]:
    """Return a conversation whose second message is a call with `arguments`."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [*ASKED["messages"], answer, {"role": "tool", "content": "12 degrees", "tool_call_id": "call_1"}]


@pytest.mark.parametrize("arguments", ["Oslo", "", "NaN"])
def test_an_earlier_call_that_is_no_json_is_refused_and_the_model_stays(says: Says, arguments: str) -> None:
    client = says(["Warm."])
    for tools in (ASKED, {**ASKED, "tools": openai.omit}):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="base", **tools | {"messages": called(arguments)})
        assert refused.value.code == "invalid_value"
        assert refused.value.param == "messages.1.tool_calls.0.function.arguments"
    answer = client.chat.completions.create(model="base", **ASKED | {"messages": called('{"city": "Oslo"}')})
    assert answer.choices[0].message.content == "Warm."


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_beside_tools_are_refused_by_name(says: Says, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError, match="together with 'tools'") as refused:
        says(["Warm."]).chat.completions.create(model="base", **ASKED, logprobs=True, stream=stream)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "logprobs")


CALLED = {"name": "weather", "arguments": "{}"}
WEATHER = [{"name": "weather", "parameters": PARAMETERS}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"functions": WEATHER}, "functions"),
        ({"functions": WEATHER, "function_call": "auto"}, "functions"),
        ({"function_call": {"name": "weather"}}, "function_call"),
        (
            {"messages": [{"role": "assistant", "content": None, "function_call": CALLED}]},
            "messages.0.function_call",
        ),
    ],
)
def test_calls_of_before_there_were_tools_are_refused(caller: FlaskClient, fields: dict[str, Any], param: str) -> None:
    asked = {"model": "base", "messages": ASKED["messages"], **fields}
    refused = caller.post("/v1/chat/completions", json=asked)
    assert refused.status_code == 400, refused.text
    assert (refused.get_json()["error"]["code"], refused.get_json()["error"]["param"]) == (
        "unsupported_parameter",
        param,
    )


@pytest.mark.parametrize(
    "fields",
    [{"functions": None, "function_call": None}, {"functions": []}, {"functions": WEATHER, "function_call": "none"}],
)
def test_what_asks_for_no_call_is_taken(fields: dict[str, Any]) -> None:
    said = [{"role": "assistant", "content": "Hi", "function_call": None}]
    assert parse(ChatCreate, {"model": "base", "messages": said, **fields}).messages[0].content == "Hi"
