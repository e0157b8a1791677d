"""Calls a minute: a minute's worth at once, then one at a time, each caller by themselves; the clock is the test's."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import KeyFile, RateLimit
from gate.rates import MOST_BUCKETS
from tests.fakes.clock import Clock
from tests.fakes.openai_upstream import FakeOpenAI
from wire.errors import ApiError


def wait_of(limit: RateLimit, who: str) -> int:
    """The seconds that a refused call is told to wait; 0 if it is let in."""
    try:
        limit.take(who)
    except ApiError as refusal:
        return int(refusal.headers["Retry-After"])
    return 0


def test_a_minutes_calls_may_come_at_once_and_the_next_waits_its_turn() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert [wait_of(limit, "red") for _ in range(60)] == [0] * 60
    assert wait_of(limit, "red") == 1
    assert wait_of(limit, "blue") == 0
    clock.now = 1.0
    assert [wait_of(limit, "red") for _ in range(2)] == [0, 1]
    clock.now = 600.0
    assert sum(wait_of(limit, "red") == 0 for _ in range(100)) == 60, "no more gathers than a minute's"


def test_who_keeps_to_the_time_told_is_let_in() -> None:
    clock = Clock()
    limit = RateLimit(7, clock)
    while not (told := wait_of(limit, "red")):
        clock.now += 0.1
    clock.now += told
    assert wait_of(limit, "red") == 0


def test_without_a_limit_nobody_waits() -> None:
    limit = RateLimit(0, Clock())
    assert all(wait_of(limit, "red") == 0 for _ in range(1000))


def test_callers_without_number_cost_a_bounded_memory() -> None:
    limit = RateLimit(1, Clock())
    for number in range(MOST_BUCKETS + 10):
        limit.take(str(number))
    assert len(limit._buckets) == MOST_BUCKETS


@pytest.fixture
def client(upstream: FakeOpenAI, tmp_path: Path) -> FlaskClient:
    return create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url, rate_limit=100)).test_client()


def test_a_key_over_its_rate_is_told_to_wait_before_the_upstream_hears_of_it(
    client: FlaskClient, upstream: FakeOpenAI, tmp_path: Path
) -> None:
    keys = KeyFile(tmp_path / "keys.sqlite3")
    red, blue = ({"Authorization": f"Bearer {keys.make(name, frozenset({'read'}))[0]}"} for name in ("red", "blue"))
    client.application.extensions["rate_limit"] = RateLimit(100, Clock())
    statuses = [client.get("/jobs", headers=red).status_code for _ in range(130)]
    assert statuses == [200] * 100 + [429] * 30
    assert upstream.count("GET /v1/fine_tuning/jobs") == 100
    refused = client.get("/jobs", headers=red)
    assert refused.headers["Retry-After"] == "1"
    assert refused.get_json()["response"]["code"] == "rate_limited"
    assert client.get("/jobs", headers=blue).status_code == 200
    assert client.get("/status", headers=red).status_code == 200


def test_keys_are_not_guessed_faster_either(client: FlaskClient, tmp_path: Path) -> None:
    KeyFile(tmp_path / "keys.sqlite3").make("red", frozenset({"read"}))
    client.application.extensions["rate_limit"] = RateLimit(5, Clock())
    guesses = [client.get("/jobs", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(7)]
    assert guesses == [401] * 5 + [429] * 2


def test_where_no_key_is_asked_for_nobody_is_counted(client: FlaskClient) -> None:
    client.application.extensions["rate_limit"] = RateLimit(1, Clock())
    assert [client.get("/jobs").status_code for _ in range(5)] == [200] * 5
