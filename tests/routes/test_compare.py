"""The same question to several models: each its answer or its error, whole or as events that name the model."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import RateLimit
from services.makers import OWNER
from tests.fakes.clock import Clock
from tests.fakes.openai_upstream import FILE_ID, FINE_TUNED, PIECES, FakeOpenAI, Fault, refusal
from tests.fakes.service import NO_DATA
from tests.routes.conftest import Holder

CHAT = "POST /v1/chat/completions"
BODY: dict[str, Any] = {"models": ["a", "b"], "text": "你来自哪里", "temperature": 0}


def events(data: bytes) -> list[tuple[str, Any]]:
    """(name, data) of each event but the last, which is [DONE]."""
    *blocks, done, _ = data.decode().split("\n\n")
    assert done == "data: [DONE]"
    pairs = (block.partition("\n")[::2] for block in blocks if not block.startswith(":"))
    return [(name.removeprefix("event: "), json.loads(text.removeprefix("data: "))) for name, text in pairs]


def test_answers_stand_in_the_order_of_the_models(client: FlaskClient, upstream: FakeOpenAI) -> None:
    answers = client.post("/compare", json=BODY).get_json()["response"]["answers"]
    assert [(one["index"], one["model"], one["answered_by"]) for one in answers] == [(0, "a", "a"), (1, "b", "b")]
    assert {one["content"] for one in answers} == {"".join(PIECES)}
    assert all(one["error"] is None and one["seconds"] >= one["first_token_seconds"] > 0 for one in answers)
    sent = [one.json for one in upstream.seen if one.path == "/v1/chat/completions"]
    assert sorted(one["model"] for one in sent) == ["a", "b"]
    assert all(one["temperature"] == 0 and one["messages"][0]["content"] == BODY["text"] for one in sent)
    assert not any("models" in one or "text" in one for one in sent)


def test_one_that_fails_costs_the_others_nothing(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CHAT, refusal(404, "no such model", "model_not_found"))
    answers = client.post("/compare", json=BODY).get_json()["response"]["answers"]
    failed, good = sorted(answers, key=lambda one: one["error"] is None)
    assert (failed["error"]["code"], failed["content"]) == ("model_not_found", None)
    assert good["content"] == "".join(PIECES)


@pytest.mark.parametrize("fault", [Fault("cut", pieces=2), Fault("raw", raw=b"{}"), Fault("drop")])
def test_a_broken_answer_is_that_models_error(client: FlaskClient, upstream: FakeOpenAI, fault: Fault) -> None:
    upstream.fail(CHAT, fault)
    answers = client.post("/compare", json=BODY).get_json()["response"]["answers"]
    assert sorted(one["error"] is None for one in answers) == [False, True]


def test_events_name_their_model(client: FlaskClient) -> None:
    reply = client.post("/compare", json={**BODY, "stream": True})
    assert reply.mimetype == "text/event-stream"
    told = events(reply.data)
    for index, model in enumerate(BODY["models"]):
        mine = [(name, data) for name, data in told if data["index"] == index]
        assert {data["model"] for _, data in mine} == {model}
        assert [data["content"] for name, data in mine if name == "delta"] == [*PIECES]
        assert (mine[-1][0], mine[-1][1]["content"]) == ("answer", "".join(PIECES))


def test_models_are_asked_at_once(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.05
    told = events(client.post("/compare", json={**BODY, "stream": True}).data)
    turns = [data["index"] for name, data in told if name == "delta"]
    assert turns != sorted(turns), "one was asked after the other"


def test_who_leaves_hangs_up_on_all(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.1
    reply = client.post("/compare", json={**BODY, "stream": True}, buffered=False)
    next(iter(reply.response))
    reply.close()
    assert upstream.streams_left_by_client.acquire(timeout=5)
    assert upstream.streams_left_by_client.acquire(timeout=5)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"models": ["a"]}, "models"),
        ({"models": ["a"] * 9}, "models"),
        ({"models": "a"}, "models"),
        ({"model": "a"}, "model"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, None),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ],
)
def test_what_cannot_be_compared_is_refused(client: FlaskClient, change: dict[str, Any], param: str | None) -> None:
    reply = client.post("/compare", json={**BODY, **change})
    assert (reply.status_code, reply.get_json()["response"]["param"]) == (400, param)


def test_it_takes_one_of_the_places_for_streams(upstream: FakeOpenAI) -> None:
    upstream.gap = 0.1
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, streams=1)).test_client()
    held = client.post("/compare", json={**BODY, "stream": True}, buffered=False)
    next(iter(held.response))
    refused = client.post("/compare", json=BODY)
    assert (refused.status_code, refused.get_json()["response"]["code"]) == (503, "too_many_streams")
    held.close()
    assert client.post("/compare", json=BODY).status_code == 200


def test_a_stop_ends_it_with_an_event_that_says_so(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.gap = 60
    held = iter(client.post("/compare", json={**BODY, "stream": True}, buffered=False).response)
    chat = client.application.extensions["services"].chat
    next(held)
    chat.stop()
    *_, last = held
    assert b"server_stopping" in last
    assert chat.streams_open == 0
    refused = client.post("/compare", json=BODY)
    assert (refused.status_code, refused.get_json()["response"]["code"]) == (503, "server_stopping")


def test_anothers_model_does_not_exist(holder: Holder, upstream: FakeOpenAI) -> None:
    upstream.new_job({"model": "m", "training_file": FILE_ID, "metadata": {OWNER: "another"}})
    upstream.finish()
    answers = holder.ask("/compare", "POST", json={**BODY, "models": ["a", FINE_TUNED]}).get_json()["response"][
        "answers"
    ]
    assert [one["error"] and one["error"]["code"] for one in answers] == [None, "model_not_found"]


def test_each_model_counts_as_a_call(holder: Holder, upstream: FakeOpenAI) -> None:
    clock = Clock()
    holder.client.application.extensions["rate_limit"] = RateLimit(6, clock)
    asked = {**BODY, "models": ["a", "b", "c", "d"]}
    statuses = [holder.ask("/compare", "POST", json=asked).status_code for _ in range(3)]
    assert statuses == [200, 200, 429], "six are left, then two, and with them a debt of two is made"
    refused = holder.ask("/chat", "POST", json={"text": "Hi"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert upstream.count(CHAT) == 8
    clock.now += 30
    assert holder.ask("/chat", "POST", json={"text": "Hi"}).status_code == 200
