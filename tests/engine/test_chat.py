"""Chat as the official SDK sees it: the engine's app in this process, a real model behind it."""

import json
import time
from typing import Any

import openai
import pytest
from flask import Flask
from openai import OpenAI

from engine.chat import Choice
from tests.engine.chatting import ENDLESS, HI, ask, text
from wire.chat import ChatCreate
from wire.requests import parse

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 99}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def test_an_answer_has_the_wires_shape(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-3.5-turbo", messages=HI, max_tokens=3)
    answer = json.loads(raw.content)
    assert set(answer) == {"id", "object", "created", "model", "choices", "usage"}
    assert answer["id"].startswith("chatcmpl-")
    assert (answer["object"], answer["model"]) == ("chat.completion", "base")
    assert abs(answer["created"] - time.time()) < 60
    (choice,) = answer["choices"]
    assert set(choice) == {"index", "message", "logprobs", "finish_reason"}
    assert choice["message"].pop("content")
    assert choice["message"] == {"role": "assistant", "refusal": None, "annotations": []}
    assert choice["finish_reason"] == "length"
    usage = answer["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


def test_a_stream_begins_with_the_role_and_ends_with_usage_and_done(client: OpenAI, app: Flask) -> None:
    body = {"model": "base", "messages": HI, "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True}}
    reply = app.test_client().post("/v1/chat/completions", json=body)
    assert reply.content_type == "text/event-stream"
    *events, done, rest = reply.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    *pieces, last = chunks
    assert [piece["usage"] for piece in pieces] == [None] * len(pieces)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 3
    deltas = [piece["choices"][0]["delta"] for piece in pieces]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert deltas[-1] == {}
    assert [piece["choices"][0]["finish_reason"] for piece in pieces] == [None] * (len(pieces) - 1) + ["length"]


def test_the_first_word_comes_in_the_same_piece_as_the_role(app: Flask) -> None:
    body = {"model": "base", "messages": HI, "max_tokens": 3, "stream": True}
    reply = app.test_client().post("/v1/chat/completions", json=body, buffered=False)
    first = next(reply.iter_encoded()).decode().removesuffix("\n\n").split("\n\n")
    role, word = (json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in first)
    assert role["role"] == "assistant"
    assert word["content"]
    reply.close()


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    for messages in (HI, [{"role": "user", "content": "用中文讲讲大海 🌊"}]):
        whole = text(ask(client, messages, temperature=0, max_tokens=24))
        pieces = [chunk.choices[0].delta for chunk in ask(client, messages, temperature=0, max_tokens=24, stream=True)]
        assert pieces[0].role == "assistant"
        assert "".join(piece.content or "" for piece in pieces) == whole


def test_greedy_and_seeded_answers_come_again(client: OpenAI) -> None:
    greedy, seeded = {"temperature": 0}, {"seed": 11, "temperature": 1.0}
    for fields in (greedy, seeded):
        first = text(ask(client, **fields, max_tokens=16))
        ask(client, [{"role": "user", "content": "Something else altogether, to turn the cache over."}])
        assert text(ask(client, **fields, max_tokens=16)) == first
    assert text(ask(client, seed=12, max_tokens=16)) != text(ask(client, seed=13, max_tokens=16))
    ask(client, seed=-1)
    ask(client, seed=2**63 - 1)


def test_many_answers_are_numbered_counted_and_different(client: OpenAI) -> None:
    answer = ask(client, n=5, seed=1, max_tokens=6, **ENDLESS)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3, 4]
    assert len({choice.message.content for choice in answer.choices}) > 1
    assert answer.usage.completion_tokens == 30
    streamed = list(ask(client, n=5, max_tokens=6, stream=True, stream_options={"include_usage": True}, **ENDLESS))
    assert {chunk.choices[0].index for chunk in streamed[:-1]} == {0, 1, 2, 3, 4}
    assert streamed[-1].usage.completion_tokens == 30


def test_stop_strings_end_the_answer_and_are_left_out(client: OpenAI) -> None:
    whole = text(ask(client, temperature=0, max_tokens=24))
    word = whole.split()[3]
    stopped = ask(client, temperature=0, max_tokens=24, stop=["", word])
    assert text(stopped) == whole[: whole.index(word)]
    assert stopped.choices[0].finish_reason == "stop"


def test_the_newer_name_of_the_length_limit_wins(client: OpenAI) -> None:
    assert ask(client, max_tokens=2, max_completion_tokens=5, **ENDLESS).usage.completion_tokens == 5


def test_log_probabilities_have_as_many_alternatives_as_asked(client: OpenAI) -> None:
    for asked in (None, 0, 3):
        tokens = ask(client, logprobs=True, top_logprobs=asked, max_tokens=3, **ENDLESS).choices[0].logprobs.content
        assert [len(token.top_logprobs) for token in tokens] == [asked or 0] * 3
        assert all(-9999.0 <= token.logprob <= 0 for token in tokens)
    assert ask(client, max_tokens=3).choices[0].logprobs is None


def test_the_plain_distribution_is_sampled_unless_narrowed(client: OpenAI) -> None:
    unlikely = [
        ask(client, seed=seed, max_tokens=1, logprobs=True, temperature=2.0).choices[0].logprobs.content[0].logprob
        for seed in range(8)
    ]
    assert min(unlikely) < -8, "top_k or min_p would have cut these off"
    top = {text(ask(client, seed=seed, max_tokens=1, top_p=0)) for seed in range(3)}
    assert len(top) == 1


def test_answers_keep_to_a_json_schema(client: OpenAI) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}
    person = json.loads(text(ask(client, response_format=form, max_tokens=60, temperature=0)))
    assert set(person) == {"name", "age"}
    assert text(ask(client, response_format={"type": "json_object"}, temperature=0)).startswith("{")


def test_text_parts_and_developer_messages_are_read(client: OpenAI) -> None:
    parts = [{"type": "text", "text": "Tell me "}, {"type": "text", "text": "about the sea."}]
    asked = ask(client, [{"role": "user", "content": parts}], temperature=0)
    assert text(asked) == text(ask(client, temperature=0))
    developer, system = (
        ask(client, [{"role": role, "content": "You are a pirate."}, *HI], temperature=0)
        for role in ("developer", "system")
    )
    assert text(developer) == text(system)


def test_a_conversation_that_ends_with_the_assistant_gets_a_new_answer(client: OpenAI) -> None:
    begun = ask(client, [*HI, {"role": "assistant", "content": "The sea is"}], max_tokens=1)
    assert begun.usage.prompt_tokens > ask(client, max_tokens=1).usage.prompt_tokens + 6


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": [{"role": "user", "content": "word " * 400}]}, "context_length_exceeded", "messages"),
        ({"tools": [TOOL]}, "unsupported_parameter", "tools"),
        ({"response_format": {"type": "yaml"}}, "invalid_value", "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "invalid_value", "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "cheese"}}}},
            "invalid_json_schema",
            "response_format",
        ),
        ({"logit_bias": {"sea": 5}}, "invalid_value", "logit_bias"),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"n": 0}, "invalid_value", "n"),
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": [{"role": "user", "content": None}]}, "invalid_value", "messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "unsupported_content",
            "messages.0.content.0",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_request_is_a_400_that_says_where(
    client: OpenAI, stream: bool, fields: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **{"messages": HI, **fields}, stream=stream)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert ask(client, max_tokens=2, **ENDLESS).usage.completion_tokens == 2, "the model still answers"


def test_the_context_error_is_openais(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"maximum context length is 256 tokens.*resulted in \d+ tokens"):
        ask(client, [{"role": "user", "content": "word " * 400}])


def test_tools_that_shall_not_be_used_are_no_obstacle(client: OpenAI) -> None:
    assert text(ask(client, tools=[TOOL], tool_choice="none"))


def test_an_answer_may_fill_the_context(client: OpenAI) -> None:
    answer = ask(client, max_tokens=None, **ENDLESS)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.total_tokens == 256


def test_the_pieces_of_tool_calls_become_whole_calls() -> None:
    request = parse(ChatCreate, {"model": "base", "messages": HI})
    choice = Choice(0)
    pieces: list[tuple[int, dict[str, Any]]] = [
        (0, {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}),
        (0, {"function": {"arguments": '{"city": '}}),
        (1, {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}}),
        (0, {"function": {"arguments": '"Oslo"}'}}),
    ]
    for index, call in pieces:
        choice.add({"delta": {"tool_calls": [{"index": index, **call}]}, "finish_reason": None}, request)
    choice.add({"delta": {}, "finish_reason": "tool_calls"}, request)
    said = choice.to_wire()
    assert said["finish_reason"] == "tool_calls"
    assert said["message"]["content"] is None
    assert said["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
        {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
    ]
