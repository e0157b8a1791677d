"""`stream: true`: the upstream's events as they come; what goes wrong after the first one is an event too."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from tests.fakes.openai_upstream import ANSWER, CHAT_ID, FINE_TUNED, PIECES, FakeOpenAI, Fault, refusal
from tests.fakes.ports import PATIENCE
from tests.fakes.service import NO_DATA

CHAT = "POST /v1/chat/completions"
BODY = {"text": "你来自哪里", "stream": True}


def events(data: bytes) -> list[Any]:
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line]
    return [line.decode() if line == b"[DONE]" else json.loads(line) for line in lines]


def test_the_upstreams_events_come_through_unchanged(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.post("/chat", json=BODY)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["X-Request-Id"]
    *chunks, done = events(reply.data)
    assert done == "[DONE]"
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", *PIECES, None]
    assert upstream.last(CHAT).json["stream"] is True


def test_the_first_event_does_not_wait_for_the_last(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.2
    reply = client.post("/chat", json=BODY)
    first = next(iter(reply.response))
    assert b'"role": "assistant"' in first
    assert b"[DONE]" not in first
    reply.close()


def test_a_client_that_leaves_closes_the_upstream(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.1
    reply = client.post("/chat", json=BODY)
    next(iter(reply.response))
    reply.close()
    assert upstream.streams_left_by_client.acquire(timeout=PATIENCE)


def test_a_stream_that_is_cut_ends_with_an_error_event(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CHAT, Fault("cut", pieces=2))
    *chunks, error = events(client.post("/chat", json=BODY).data)
    assert len(chunks) == 2
    assert set(error) == {"error"}
    assert set(error["error"]) == {"message", "type", "param", "code"}
    assert error["error"]["code"] == "upstream_invalid"


def test_silence_in_mid_stream_ends_with_an_error_event(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.gap = 1.0
    *chunks, error = events(client.post("/chat", json=BODY).data)
    assert len(chunks) == 1
    assert error["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (refusal(429, "slow down", "slow_down", "rate_limit_error", Retry_After="3"), 429, "slow_down"),
        (Fault("drop"), 502, "upstream_unreachable"),
        (Fault("hang", seconds=1.0), 504, "upstream_timeout"),
        (Fault("raw", raw=b"{}"), 502, "upstream_invalid"),
        (Fault("raw", raw=b"", headers={"Content-Type": "text/event-stream"}), 502, "upstream_invalid"),
    ],
    ids=["429", "drop", "timeout", "no stream", "empty stream"],
)
def test_a_failure_before_the_first_event_has_its_status(
    client: FlaskClient, upstream: FakeOpenAI, fault: Fault, status: int, code: str
) -> None:
    upstream.fail(CHAT, fault)
    reply = client.post("/chat", json=BODY)
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (status, code)
    assert reply.headers.get("Retry-After") == ("3" if status == 429 else None)


def test_what_the_plain_reply_cannot_carry_may_be_streamed(client: FlaskClient, upstream: FakeOpenAI) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert client.post("/chat", json={**BODY, "n": 2, "tools": tools, "logprobs": True}).status_code == 200
    sent = upstream.last(CHAT).json
    assert (sent["n"], sent["tools"], sent["logprobs"]) == (2, tools, True)


def test_streams_leave_a_thread_for_other_calls(upstream: FakeOpenAI) -> None:
    upstream.gap = 0.1
    client = create_app(
        ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, threads=2, streams=1)
    ).test_client()
    running = client.post("/chat", json=BODY)
    next(iter(running.response))
    refused = client.post("/chat", json=BODY)
    assert (refused.status_code, refused.get_json()["response"]["code"]) == (503, "too_many_streams")
    assert refused.headers["Retry-After"] == "1"
    running.close()
    again = client.post("/chat", json=BODY)
    assert again.status_code == 200
    again.close()


def test_a_failed_stream_gives_its_place_back(upstream: FakeOpenAI) -> None:
    client = create_app(
        ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, threads=2, streams=1)
    ).test_client()
    upstream.fail(CHAT, Fault("drop"), Fault("raw", raw=b"{}"))
    assert [client.post("/chat", json=BODY).status_code for _ in range(3)] == [502, 502, 200]


def test_an_answer_behind_blanks_is_the_answer(client: FlaskClient, upstream: FakeOpenAI) -> None:
    body = {"id": CHAT_ID, "model": FINE_TUNED, "choices": [{"message": {"content": ANSWER}}]}
    upstream.fail(CHAT, Fault("raw", raw=b"   " + json.dumps(body).encode()))
    assert json.loads(client.post("/chat", json={"text": "Hi"}).data)["response"]["content"] == ANSWER


def test_a_failure_behind_blanks_is_the_failure(client: FlaskClient, upstream: FakeOpenAI) -> None:
    error = {"message": "The model's process ended.", "type": "server_error", "code": "model_process_ended"}
    upstream.fail(CHAT, Fault("raw", raw=b"   " + json.dumps({"error": error}).encode()))
    reply = client.post("/chat", json={"text": "Hi"})
    assert (reply.status_code, json.loads(reply.data)["response"]["code"]) == (502, "model_process_ended")
