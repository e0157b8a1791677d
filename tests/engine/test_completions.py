"""Legacy completions as the official SDK sees them: the engine's app in this process, a real model behind it."""

import json
from typing import Any

import openai
import psutil
import pytest
from flask import Flask
from openai import OpenAI

from engine.serving.pool import Pool
from tests.engine.chatting import ENDLESS
from tests.fakes.ports import until

SEA = "The sea is"
CHINESE = "用中文讲讲大海 🌊"


def write(client: OpenAI, prompt: Any = SEA, **fields: Any) -> Any:
    return client.completions.create(model="base", prompt=prompt, **{"max_tokens": 6, "temperature": 0, **fields})


def said(answer: Any) -> list[str]:
    return [choice.text for choice in answer.choices]


def test_a_completion_has_the_wires_shape(client: OpenAI) -> None:
    raw = client.completions.with_raw_response.create(model="gpt-3.5-turbo", prompt=SEA, max_tokens=3, temperature=0)
    answer = json.loads(raw.content)
    assert answer.pop("id").startswith("cmpl-")
    assert answer.pop("created") > 0
    (choice,) = answer.pop("choices")
    assert choice.pop("text")
    assert choice == {"index": 0, "logprobs": None, "finish_reason": "length"}
    usage = answer.pop("usage")
    assert answer == {"object": "text_completion", "model": "base"}
    assert (usage["completion_tokens"], usage["total_tokens"]) == (3, usage["prompt_tokens"] + 3)


def test_the_prompt_is_written_on_from_without_a_chat_template(client: OpenAI) -> None:
    asked = [{"role": "user", "content": SEA}]
    chat = client.chat.completions.create(model="base", messages=asked, max_tokens=1)  # type: ignore[arg-type]
    assert write(client, max_tokens=1).usage.prompt_tokens + 8 < chat.usage.prompt_tokens  # type: ignore[union-attr]
    (first,) = said(write(client, max_tokens=2))
    (more,) = said(write(client, SEA + first, max_tokens=2))
    assert [first + more] == said(write(client, max_tokens=4))


def test_sixteen_tokens_are_written_when_no_number_is_given(client: OpenAI) -> None:
    assert write(client, max_tokens=None, **ENDLESS).usage.completion_tokens == 16


def test_each_prompt_of_a_list_has_its_answers_side_by_side(client: OpenAI) -> None:
    alone = [write(client, prompt) for prompt in (SEA, CHINESE)]
    together = write(client, [SEA, CHINESE], n=3)
    assert [choice.index for choice in together.choices] == [0, 1, 2, 3, 4, 5]
    assert said(together)[::3] == [text for one in alone for text in said(one)]
    assert together.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in alone)
    drawn = write(client, [SEA, SEA], n=3, temperature=1.5, seed=4)
    assert len(set(said(drawn)[:3])) == 3


@pytest.mark.parametrize("fields", [{}, {"echo": True}, {"logprobs": 2}, {"n": 2}])
@pytest.mark.parametrize("prompt", [SEA, CHINESE, [SEA, CHINESE]])
def test_a_stream_says_what_the_whole_answer_says(client: OpenAI, prompt: Any, fields: dict[str, Any]) -> None:
    whole = write(client, prompt, **fields)
    chunks = list(write(client, prompt, **fields, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    pieces = [piece for chunk in chunks for piece in chunk.choices]
    for choice in whole.choices:
        mine = [piece for piece in pieces if piece.index == choice.index]
        assert "".join(piece.text for piece in mine) == choice.text
        assert mine[-1].finish_reason == choice.finish_reason
        told = [piece.logprobs for piece in mine if piece.logprobs]
        assert [name for one in told for name in one.tokens] == (choice.logprobs.tokens if choice.logprobs else [])


def test_a_stream_ends_with_done_and_tells_usage_only_when_asked(app: Flask) -> None:
    body = {"model": "base", "prompt": SEA, "max_tokens": 2, "stream": True}
    reply = app.test_client().post("/v1/completions", json=body)
    assert reply.content_type == "text/event-stream"
    *events, done, rest = reply.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert all("usage" not in chunk and chunk["choices"] for chunk in chunks)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1


def test_an_echo_repeats_the_prompt_before_each_answer(client: OpenAI) -> None:
    assert said(write(client, [SEA, CHINESE], echo=True)) == [
        prompt + text for prompt in (SEA, CHINESE) for text in said(write(client, prompt))
    ]


def test_log_probabilities_stand_beside_their_tokens(client: OpenAI) -> None:
    for asked in (0, 1, 5):
        (choice,) = write(client, logprobs=asked, max_tokens=4).choices
        told = choice.logprobs
        assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == 4
        assert [len(others) for others in told.top_logprobs] == [asked] * 4
        assert all(-9999.0 <= number <= 0 for number in told.token_logprobs)
        assert all(token in others for token, others in zip(told.tokens, told.top_logprobs, strict=True) if asked)
        text = SEA + choice.text
        assert [text[start:].startswith(token) for token, start in zip(told.tokens, told.text_offset, strict=True)]
        assert told.text_offset[0] == len(SEA)


def test_a_token_beside_the_likeliest_is_told_with_them(client: OpenAI) -> None:
    told = write(client, logprobs=1, temperature=2.0, seed=3, max_tokens=8).choices[0].logprobs
    assert {len(others) for others in told.top_logprobs} <= {1, 2}
    assert any(len(others) == 2 for others in told.top_logprobs)


def test_stop_strings_end_a_completion_and_are_left_out(client: OpenAI) -> None:
    (whole,) = said(write(client, max_tokens=12))
    word = whole.split()[3]
    stopped = write(client, max_tokens=12, stop=word)
    assert said(stopped) == [whole[: whole.index(word)]]
    assert stopped.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": "word " * 400}, "context_length_exceeded", "prompt"),
        ({"prompt": ["short", "word " * 400]}, "context_length_exceeded", "prompt"),
        ({"prompt": ""}, "invalid_value", "prompt"),
        ({"prompt": []}, "invalid_value", "prompt"),
        ({"prompt": ["a", ""]}, "invalid_value", "prompt"),
        ({"prompt": [1, 2, 3]}, "invalid_type", "prompt"),
        ({"prompt": [[1], [2]]}, "invalid_type", "prompt"),
        ({"prompt": None}, "invalid_type", "prompt"),
        ({"suffix": " and so on"}, "unsupported_parameter", "suffix"),
        ({"best_of": 3, "n": 2}, "unsupported_parameter", "best_of"),
        ({"echo": True, "logprobs": 1}, "unsupported_parameter", "logprobs"),
        ({"logprobs": 6}, "invalid_value", "logprobs"),
        ({"logprobs": True}, "invalid_type", "logprobs"),
        ({"max_tokens": 0}, "invalid_value", "max_tokens"),
        ({"n": 0}, "invalid_value", "n"),
        ({"logit_bias": {"sea": 5}}, "invalid_value", "logit_bias"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_request_is_a_400_that_says_where(
    client: OpenAI, stream: bool, fields: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(openai.APIError) as refused:
        list(write(client, **{"prompt": SEA, **fields}, stream=stream))  # the answers to earlier prompts may be out
    assert (refused.value.code, refused.value.param) == (code, param)


def test_what_clients_send_by_default_is_no_obstacle(client: OpenAI) -> None:
    plain = said(write(client))
    assert plain == said(write(client, best_of=1, n=1, suffix=None, echo=False, logprobs=None, user="x", stop=None))
    assert plain == said(write(client, extra_body={"vendor_field": 1}))


def test_an_unknown_model_is_404(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.completions.create(model="no-such-model", prompt=SEA)
    assert missing.value.code == "model_not_found"


def test_a_model_that_dies_in_mid_stream_is_raised_with_its_code(client: OpenAI, pool: Pool) -> None:
    stream = iter(write(client, max_tokens=200, stream=True, **ENDLESS))
    next(stream)
    (process,) = pool.processes()
    psutil.Process(process.pid).kill()
    with pytest.raises(openai.APIError) as broken:
        list(stream)
    assert broken.value.code == "model_process_ended"
    assert said(write(client))


def test_a_reader_who_leaves_stops_the_writing(client: OpenAI, pool: Pool) -> None:
    with write(client, [SEA, SEA], max_tokens=240, stream=True, **ENDLESS) as stream:
        next(iter(stream))
    (process,) = pool.processes()
    until(lambda: not any(slot["is_processing"] for slot in process.ask("/slots")), seconds=2)
