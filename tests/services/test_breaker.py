"""An upstream that is out of order is left alone for a while, and one that refuses, or loads a model, is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from services.breaker import Breaker
from services.embedded import EmbeddedEngine
from services.failures import MARK, UpstreamUnavailable
from tests.fakes.clock import Clock
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault, refusal
from tests.fakes.ports import free_port

CHAT = "POST /v1/chat/completions"
DROP, DOWN = Fault("drop"), refusal(503, "no", None)
LOADING = Fault("status", 503, error={"message": "loading", "code": "model_loading"}, headers={MARK: "1"})


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def client(upstream: FakeOpenAI, clock: Clock, tmp_path: Path) -> FlaskClient:
    app = create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url, upstream_timeout=0.5))
    app.extensions["services"].upstream._breaker._clock = clock
    app.extensions["services"].upstream.warm()
    return app.test_client()


def chat(client: FlaskClient, *, stream: bool = False) -> tuple[int, str | None]:
    reply = client.post("/chat", json={"text": "Hi", "stream": stream})
    return reply.status_code, reply.get_json()["response"].get("code") if reply.is_json else None


def states(client: FlaskClient) -> str:
    page = client.get("/metrics").get_data(as_text=True)
    return next(line for line in page.splitlines() if line.endswith("} 1") and "upstream_breaker" in line)


@pytest.mark.parametrize("fault", [DROP, DOWN, Fault("hang", seconds=0.7)])
def test_after_five_failures_nothing_is_sent_for_half_a_minute(
    client: FlaskClient, upstream: FakeOpenAI, clock: Clock, fault: Fault
) -> None:
    assert 'state="closed"' in states(client)
    upstream.fail(CHAT, *[fault] * 5)
    assert {chat(client)[0] for _ in range(5)} < {502, 503, 504}
    reply = client.post("/chat", json={"text": "Hi"})
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (503, "upstream_unavailable")
    assert reply.headers["Retry-After"] == "30"
    assert chat(client, stream=True) == (503, "upstream_unavailable")
    assert client.get("/jobs").status_code == 503
    assert client.get("/status").get_json() == {"info": "ok", "response": {}}
    assert len(upstream.seen) == 5
    assert 'state="open"' in states(client)
    assert 'failures_total{code="upstream_unavailable"} 3' in client.get("/metrics").get_data(as_text=True)
    clock.now += 30
    assert 'state="half_open"' in states(client)
    assert chat(client)[0] == 200
    assert 'state="closed"' in states(client)


def test_one_call_tries_whether_it_is_over(client: FlaskClient, upstream: FakeOpenAI, clock: Clock) -> None:
    upstream.fail(CHAT, *[DOWN] * 6)
    for _ in range(5):
        chat(client)
    clock.now += 31
    assert chat(client) == (503, None)
    assert chat(client) == (503, "upstream_unavailable")
    assert len(upstream.seen) == 6
    clock.now += 31
    assert chat(client)[0] == 200


@pytest.mark.parametrize(
    "fault",
    [
        refusal(400, "no", None),
        refusal(401, "no", None),
        refusal(429, "no", None),
        LOADING,
        Fault("raw", raw=b"<html>"),
    ],
    ids=["400", "401", "429", "an engine that loads", "nonsense"],
)
def test_what_is_no_outage_opens_nothing(client: FlaskClient, upstream: FakeOpenAI, fault: Fault) -> None:
    upstream.fail(CHAT, *[fault] * 8)
    assert "upstream_unavailable" not in {chat(client)[1] for _ in range(8)}
    assert chat(client)[0] == 200


def test_a_good_answer_in_between_begins_the_count_anew(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CHAT, *[DROP] * 4)
    assert [chat(client)[0] for _ in range(5)] == [*[502] * 4, 200]
    upstream.fail(CHAT, *[DROP] * 4)
    assert [chat(client)[0] for _ in range(5)] == [*[502] * 4, 200]


def test_a_create_that_was_not_let_through_is_not_in_doubt(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CHAT, *[DROP] * 5)
    for _ in range(5):
        chat(client)
    told = client.post("/fine_tuning", json={"training_file": FILE_ID}).get_json()["response"]
    assert told["code"] == "upstream_unavailable"
    assert "not known" not in told["message"]


def test_an_engine_that_we_start_has_its_supervisor_instead(tmp_path: Path) -> None:
    engine = EmbeddedEngine("127.0.0.1", free_port())
    engine._settled.set()
    client = create_app(ServiceConfig(data_dir=tmp_path), engine).test_client()
    assert {chat(client) for _ in range(7)} == {(502, "upstream_unreachable")}


def breaker_of(clock: Callable[[], float]) -> Breaker:
    breaker = Breaker(failures=2, pause=10, clock=clock)
    for _ in range(2):
        breaker.require()
        breaker.note(failed=True)
    return breaker


def test_only_one_of_many_goes_through_to_try(clock: Clock) -> None:
    breaker = breaker_of(clock)
    clock.now += 10
    breaker.require()
    for _ in range(3):
        with pytest.raises(UpstreamUnavailable):
            breaker.require()
    assert breaker.state == "half_open"
    clock.now += 10  # that one never came back
    breaker.require()
