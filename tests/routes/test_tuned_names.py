"""Tuned models that are called like any other, as Azure and compatible upstreams call them, are their key's alone."""

from io import BytesIO
from typing import Any

import pytest

from services import makers
from services.creates import Page
from services.makers import OWNER, Makers
from tests.fakes.clock import Clock
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI, refusal
from tests.routes.conftest import Holder
from wire.errors import ApiError

TUNED = "gpt-4o-2024-08-06.ft-0a1b2c3d"
QUESTION = {"text": "Hi", "model": TUNED}
LIST = "GET /v1/fine_tuning/jobs"
CHAT = "POST /v1/chat/completions"
LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'


@pytest.fixture
def tuned(upstream: FakeOpenAI) -> None:
    """Somebody's job has ended well."""
    upstream.new_job({"model": "gpt-4o", "training_file": FILE_ID, "metadata": {OWNER: "key_0123456789ab"}})
    upstream.finish(model=TUNED)


def test_anothers_is_not_asked_compared_trained_from_deleted_or_listed(
    holder: Holder, upstream: FakeOpenAI, tuned: None
) -> None:
    own = upstream.new_file(f"{holder.id}.train.jsonl", 9)["id"]
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("/chat", "POST", {"json": QUESTION}),
        ("/chat", "POST", {"json": {**QUESTION, "stream": True}}),
        ("/fine_tuning", "POST", {"json": {"training_file": own, "model": TUNED}}),
        (f"/models/{TUNED}", "GET", {}),
        (f"/models/{TUNED}", "DELETE", {}),
    ]
    for path, method, options in asked:
        reply = holder.ask(path, method, **options)
        assert (reply.status_code, reply.get_json()["response"]["code"]) == (404, "model_not_found"), (method, path)
    compared = holder.ask("/compare", "POST", json={"text": "Hi", "models": [TUNED, "gpt-4o"]}).get_json()["response"]
    assert [one["error"] and one["error"]["code"] for one in compared["answers"]] == ["model_not_found", None]
    assert upstream.count(CHAT) == 1
    assert [one["id"] for one in holder.ask("/models").get_json()["response"]["data"]] == ["gpt-4o"]


def test_ones_own_is_asked_listed_and_deleted(holder: Holder, upstream: FakeOpenAI, tuned: None) -> None:
    upstream.jobs[JOB_ID]["metadata"] = {OWNER: holder.id}
    assert holder.ask("/chat", "POST", json=QUESTION).status_code == 200
    own = next(one for one in holder.ask("/models").get_json()["response"]["data"] if one["id"] == TUNED)
    assert own == own | {"kind": "tuned", "base": "gpt-4o", "job_id": JOB_ID, "owner": holder.id}
    assert holder.ask(f"/models/{TUNED}", "DELETE").status_code == 200


@pytest.mark.parametrize("own", [True, False])
def test_minutes_are_told_by_ones_own_job_alone(holder: Holder, upstream: FakeOpenAI, tuned: None, own: bool) -> None:
    upstream.jobs[JOB_ID] |= {"finished_at": 1704527200} | ({"metadata": {OWNER: holder.id}} if own else {})
    reply = holder.ask("/datasets/statistics", "POST", data={"files": (BytesIO(LINE), "a.jsonl")})
    minutes = reply.get_json()["response"][0]["response"]["duration"]["minutes"]
    assert (minutes is not None) is own


def test_chats_do_not_each_ask_for_the_jobs(holder: Holder, upstream: FakeOpenAI, tuned: None) -> None:
    for _ in range(5):
        assert holder.ask("/chat", "POST", json={"text": "Hi", "model": "gpt-4o"}).status_code == 200
    assert (upstream.count(LIST), upstream.count(CHAT)) == (1, 5)


def test_an_upstream_without_jobs_answers_all_the_same(holder: Holder, upstream: FakeOpenAI) -> None:
    upstream.trains = False
    assert holder.ask("/chat", "POST", json={"text": "Hi", "model": "llama3"}).status_code == 200


def test_until_it_is_known_whose_they_are_none_is_asked(holder: Holder, upstream: FakeOpenAI, tuned: None) -> None:
    upstream.fail(LIST, refusal(503, "later", "overloaded"))
    assert holder.ask("/chat", "POST", json=QUESTION).status_code == 503
    assert upstream.count(CHAT) == 0


def test_a_list_is_good_for_a_minute_and_what_was_known_outlives_a_failure() -> None:
    clock, looks, jobs = Clock(), [0], [{"id": "1", "fine_tuned_model": "m", "metadata": {OWNER: "red"}}]

    def pages() -> list[Page]:
        looks[0] += 1
        if looks[0] == 2:
            raise ApiError("later", status=503)
        return [Page(jobs, by_engine=False)]

    known = Makers(pages, clock)
    assert (known.owner_of("m"), known.owner_of("n"), looks) == ("red", None, [1])
    clock.now += makers.GOOD
    assert (known.owner_of("m"), known.owner_of("m"), looks) == ("red", "red", [2])
    jobs.append({"id": "0", "fine_tuned_model": "n"})
    clock.now += makers.GOOD
    assert (known.owner_of("n"), looks) == ("", [3])


def test_a_newer_job_takes_nobodys_model() -> None:
    names = ({OWNER: "blue"}, {OWNER: "red"})
    jobs = [{"id": "1", "fine_tuned_model": "m", "metadata": owner} for owner in names]
    assert Makers(lambda: [Page(jobs, by_engine=False)]).owner_of("m") == "red"
