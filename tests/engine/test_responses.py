"""The Responses API's text subset as the official SDK sees it: the engine's app in this process, a real model in it."""

import json
from typing import Any

import openai
import psutil
import pytest
from flask import Flask
from openai import OpenAI
from pydantic import BaseModel, Field

from engine.serving.pool import Pool
from tests.engine.chatting import HI, text
from tests.fakes.ports import until

SEA = "Tell me about the sea."
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 99}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ORDER = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


MISSING_TEXT = ("missing_required_parameter", "input.0.content.0.text")


class Person(BaseModel):
    """What a client wants to have read out of an answer."""

    name: str = Field(max_length=12)
    age: int = Field(le=99)


def respond(client: OpenAI, given: Any = SEA, **fields: Any) -> Any:
    return client.responses.create(
        **{"model": "base", "input": given, "max_output_tokens": 8, "temperature": 0, **fields}
    )


def said_in_chat(client: OpenAI, messages: Any = HI, **fields: Any) -> str:
    return text(
        client.chat.completions.create(model="base", messages=messages, **{"max_tokens": 8, "temperature": 0, **fields})
    )


def test_a_response_has_the_wires_shape(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="gpt-4o-mini", input=SEA, instructions="Be short.", max_output_tokens=4, metadata={"a": "b"}, user="x"
    )
    answer = json.loads(raw.content)
    assert answer["id"].startswith("resp_")
    assert (answer["object"], answer["model"], answer["store"]) == ("response", "base", False)
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (answer["instructions"], answer["metadata"]) == ("Be short.", {"a": "b"})
    assert (answer["temperature"], answer["top_p"], answer["tools"]) == (1.0, 1.0, [])
    (item,) = answer["output"]
    assert item.pop("id").startswith("msg_")
    (part,) = item.pop("content")
    assert item == {"type": "message", "status": "incomplete", "role": "assistant"}
    assert part.pop("text")
    assert part == {"type": "output_text", "annotations": [], "logprobs": []}
    usage = answer["usage"]
    assert usage["output_tokens"] == 4
    assert usage["total_tokens"] == usage["input_tokens"] + 4


def test_the_answer_is_the_chats(client: OpenAI) -> None:
    whole = respond(client)
    assert whole.output_text == said_in_chat(client)
    system = [{"role": "system", "content": "You are a pirate."}, *HI]
    assert respond(client, instructions="You are a pirate.").output_text == said_in_chat(client, system)


@pytest.mark.parametrize(
    "items",
    [
        HI,
        [{"type": "message", "role": "user", "content": SEA, "status": "completed"}],
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Tell me "},
                    {"type": "input_text", "text": "about the sea."},
                ],
            }
        ],
    ],
)
def test_messages_of_text_are_read_as_in_a_chat(client: OpenAI, items: Any) -> None:
    assert respond(client, items).output_text == said_in_chat(client)


def test_an_output_is_sent_back_as_it_came(client: OpenAI) -> None:
    first = respond(client)
    more = {"role": "user", "content": "And the sky?"}
    conversation = [*HI, {"role": "assistant", "content": first.output_text}, more]
    asked = [*HI, *(item.to_dict() for item in first.output), more]
    assert respond(client, asked).output_text == said_in_chat(client, conversation)
    developer = [{"role": "developer", "content": "You are a pirate."}, *HI]
    assert respond(client, developer).output_text == said_in_chat(client, developer)


def test_a_stream_tells_its_events_in_their_order(client: OpenAI) -> None:
    whole = respond(client)
    events = list(respond(client, stream=True))
    assert list(dict.fromkeys(event.type for event in events)) == [*ORDER, "response.incomplete"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == ORDER[4]) == whole.output_text
    first, last = events[0].response, events[-1].response
    assert (first.status, first.output, first.usage) == ("in_progress", [], None)
    assert last.output_text == whole.output_text
    assert last.usage.total_tokens == whole.usage.total_tokens
    assert (first.id, first.created_at) == (last.id, last.created_at)
    items = {event.item_id for event in events if hasattr(event, "item_id")} | {last.output[0].id}
    assert len(items) == 1
    assert events[-2].item.status == "incomplete"


def test_events_have_names_and_no_done_behind_them(app: Flask) -> None:
    body = {"model": "base", "input": SEA, "max_output_tokens": 2, "stream": True}
    reply = app.test_client().post("/v1/responses", json=body)
    assert reply.content_type == "text/event-stream"
    *events, rest = reply.text.split("\n\n")
    assert rest == ""
    for event in events:
        name, data = event.split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"


def test_the_first_word_comes_with_what_goes_before_it(app: Flask) -> None:
    body = {"model": "base", "input": SEA, "max_output_tokens": 3, "stream": True}
    reply = app.test_client().post("/v1/responses", json=body, buffered=False)
    first = next(reply.iter_encoded()).decode()
    assert [line.removeprefix("event: ") for line in first.split("\n") if line.startswith("event")] == ORDER[:5]
    reply.close()


def test_the_sdks_stream_helper_gives_the_final_response(client: OpenAI) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked: Any = {"model": "base", "input": "Say yes.", "temperature": 0}
    asked["text"] = {"format": {"type": "json_schema", "name": "empty", "schema": schema}}
    with client.responses.stream(**asked) as stream:
        words = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert final.status == "completed"
    assert final.output_text == "".join(words)
    assert json.loads(final.output_text) == {}


def test_answers_keep_to_a_schema_and_are_parsed_by_the_sdk(client: OpenAI) -> None:
    form = {"format": {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}}
    answer = respond(client, text=form, max_output_tokens=60)
    assert set(json.loads(answer.output_text)) == {"name", "age"}
    assert answer.to_dict()["text"] == form
    parsed = client.responses.parse(model="base", input=SEA, text_format=Person, max_output_tokens=60, temperature=0)
    assert isinstance(parsed.output_parsed, Person)
    assert respond(client, text={"format": {"type": "json_object"}}).output_text.startswith("{")


def test_log_probabilities_are_told_when_they_are_included(client: OpenAI) -> None:
    asked: dict[str, Any] = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
    told = respond(client, **asked).output[0].content[0].logprobs
    assert [len(token.top_logprobs) for token in told] == [2] * 8
    events = respond(client, **asked, stream=True)
    assert [one.token for event in events if event.type == ORDER[4] for one in event.logprobs] == [
        token.token for token in told
    ]
    assert respond(client, top_logprobs=2).output[0].content[0].logprobs == []


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": "word " * 400}, "context_length_exceeded", "input"),
        ({"input": []}, "invalid_value", "input"),
        ({"input": [{"role": "user"}]}, "missing_required_parameter", "input.0.content"),
        ({"input": [{"content": "x"}]}, "missing_required_parameter", "input.0.role"),
        ({"input": [{"role": "tool", "content": "x"}]}, "invalid_value", "input.0.role"),
        ({"input": [{"role": "user", "content": []}]}, "invalid_value", "input.0.content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "invalid_value", "input.0.content"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, *MISSING_TEXT),
        ({"input": 5}, "invalid_type", "input"),
        ({"input": ["x"]}, "invalid_type", "input"),
        (
            {"input": [*HI, {"type": "function_call_output", "call_id": "1", "output": "x"}]},
            "unsupported_content",
            "input.1.type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            "unsupported_content",
            "input.0.content.0",
        ),
        ({"tools": [{"type": "web_search"}]}, "unsupported_parameter", "tools"),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, "unsupported_parameter", "tools"),
        ({"previous_response_id": "resp_1"}, "unsupported_parameter", "previous_response_id"),
        ({"conversation": "conv_1"}, "unsupported_parameter", "conversation"),
        ({"background": True}, "unsupported_parameter", "background"),
        ({"prompt": {"id": "pmpt_1"}}, "unsupported_parameter", "prompt"),
        ({"text": {"format": {"type": "yaml"}}}, "invalid_value", "text.format.type"),
        (
            {"text": {"format": {"type": "json_schema", "name": "x"}}},
            "missing_required_parameter",
            "text.format.schema",
        ),
        (
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "cheese"}}}},
            "invalid_json_schema",
            "text.format",
        ),
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_request_is_a_400_that_says_where(
    client: OpenAI, stream: bool, fields: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        respond(client, **{"given": SEA, **fields}, stream=stream)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_what_clients_send_by_default_is_no_obstacle(client: OpenAI) -> None:
    plain = respond(client).output_text
    harmless: dict[str, Any] = {
        "store": True, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "truncation": "auto",
        "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}, "include": ["reasoning.encrypted_content"],
        "service_tier": "auto", "previous_response_id": None, "background": False,
    }  # fmt: skip
    answer = respond(client, **harmless)
    assert (answer.output_text, answer.to_dict()["store"], answer.truncation) == (plain, False, "disabled")
    tool = {"type": "function", "name": "f", "parameters": {}}
    assert respond(client, tools=[tool], tool_choice="none").output_text == plain


def test_no_response_is_kept_and_that_is_said(client: OpenAI) -> None:
    answer = respond(client)
    for ask in (client.responses.retrieve, client.responses.delete):
        with pytest.raises(openai.NotFoundError, match="keeps no responses") as missing:
            ask(answer.id)
        assert missing.value.code == "response_not_found"


def test_a_model_that_dies_in_mid_stream_is_told_as_failed_and_raised(client: OpenAI, pool: Pool) -> None:
    endless: Any = {"max_output_tokens": 200, "text": {"format": {"type": "json_object"}}}
    events = iter(respond(client, "Write a long list.", **endless, stream=True))
    seen = [next(events) for _ in range(5)]
    (process,) = pool.processes()
    psutil.Process(process.pid).kill()
    with pytest.raises(openai.APIError) as broken:
        seen.extend(events)
    assert broken.value.code == "model_process_ended"
    assert (seen[-1].type, seen[-1].response.status) == ("response.failed", "failed")
    assert "ended" in seen[-1].response.error.message
    assert respond(client).output_text


def test_a_reader_who_leaves_stops_the_writing(client: OpenAI, pool: Pool) -> None:
    with respond(client, max_output_tokens=240, stream=True) as stream:
        next(iter(stream))
    (process,) = pool.processes()
    until(lambda: not any(slot["is_processing"] for slot in process.ask("/slots")), seconds=2)
