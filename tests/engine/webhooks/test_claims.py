"""Several engines on one database send each delivery once, and what is over is forgotten after a while."""

import threading
from pathlib import Path
from typing import Any

import pytest

from engine.store import JOBS, WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS, WEBHOOK_EVENTS, Store
from engine.webhooks.deliveries import Deliveries, Schedule
from engine.webhooks.sender import Sender
from tests.engine.store.conftest import database, store
from tests.engine.store.rows import a_job
from tests.engine.webhooks.conftest import SUCCEEDED, end_job, take_turn
from tests.fakes.receiver import Receiver

__all__ = ["database", "store"]
NOW, DAY, DELIVERIES = 2_000_000_000, 24 * 3600, 8
ENDPOINT = {"id": "we_1", "name": "hook", "event_types": [SUCCEEDED], "secret": "whsec_c2VjcmV0c2VjcmV0c2VjcmV0"}


class Dying(Sender):
    """Breaks off before anything is sent."""

    def post(self, *_: Any) -> int:
        raise SystemError


def end_jobs(store: Store, receiver: Receiver, count: int) -> None:
    times = {"created_at": NOW - 9, "updated_at": NOW - 9}
    store.insert({WEBHOOK_ENDPOINTS: [{**ENDPOINT, **times, "url": receiver.url}]})
    for number in range(count):
        store.insert({JOBS: [a_job(f"ftjob-{number}", status="running")]})
        end_job(store, f"ftjob-{number}", NOW)


def an_engine(store: Store, receiver: Receiver, **schedule: Any) -> Deliveries:
    return Deliveries(store, Sender(frozenset({receiver.host})), Schedule(**schedule))


def test_engines_that_look_at_once_send_each_delivery_once(
    database: Path | str, store: Store, receiver: Receiver
) -> None:
    end_jobs(store, receiver, DELIVERIES)
    stores = [Store(database) for _ in range(2)]
    engines, both = [an_engine(one, receiver) for one in stores], threading.Barrier(2)

    def send(engine: Deliveries) -> None:
        for _ in range(2 * DELIVERIES):
            both.wait(30)
            take_turn(engine, NOW)

    threads = [threading.Thread(target=send, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in stores:
        one.close()
    assert sorted(got.job_id for got in receiver.got) == sorted(f"ftjob-{number}" for number in range(DELIVERIES))
    assert {row["status"] for row in store.newest(WEBHOOK_DELIVERIES, None)} == {"delivered"}


def test_an_attempt_that_another_engine_has_begun_is_made_by_nobody_else(store: Store, receiver: Receiver) -> None:
    end_jobs(store, receiver, 1)
    calls = list[int]()
    other = an_engine(store, receiver)

    def answer(*_: object) -> int:
        calls.append(1)
        if len(calls) == 1:  # longer than the first pause
            take_turn(other, NOW + 30)
        return 500

    receiver.answer = answer
    take_turn(an_engine(store, receiver), NOW)
    assert len(calls) == 1
    [row] = store.newest(WEBHOOK_DELIVERIES, 9)
    assert (row["attempts"], row["due_at"]) == (1, pytest.approx(NOW + 5, abs=1))


def test_an_attempt_whose_engine_died_is_made_again_after_its_lease_under_the_same_id(
    store: Store, receiver: Receiver
) -> None:
    end_jobs(store, receiver, 1)
    take_turn(Deliveries(store, Dying(frozenset())), NOW)
    [row] = store.newest(WEBHOOK_DELIVERIES, 9)
    other = an_engine(store, receiver)
    take_turn(other, NOW + 59)
    assert receiver.got == []
    take_turn(other, NOW + 61)
    assert [got.webhook_id for got in receiver.got] == [row["id"]]


def test_what_is_over_is_forgotten_after_thirty_days_and_what_is_pending_is_not(
    store: Store, receiver: Receiver
) -> None:
    end_jobs(store, receiver, 2)
    receiver.answer = lambda got, _: 200 if got.job_id == "ftjob-0" else 500
    engine = an_engine(store, receiver)
    for _ in range(2):
        take_turn(engine, NOW)

    def left() -> list[list[str]]:
        tables = (WEBHOOK_EVENTS, WEBHOOK_DELIVERIES)
        return [[row["status"] for row in store.newest(table, 9)] for table in tables]

    store.forget_deliveries(NOW + 29 * DAY - 30 * DAY)
    assert left() == [["handed_out"] * 2, ["pending", "delivered"]]
    take_turn(an_engine(store, receiver, kept=0), NOW + 31 * DAY)
    assert left() == [["handed_out"], ["given_up"]]
    take_turn(an_engine(store, receiver), NOW + 31 * DAY)
    assert left() == [[], []]
