"""Deliveries that fail: tried again under one id, ever later, until they are taken, given up or dropped."""

import itertools
import random
import threading
import time
from typing import Any

import pytest
from openai import OpenAI

from engine.store import WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS, Record, Store, StoreError
from engine.webhooks.deliveries import Deliveries, Schedule
from engine.webhooks.sender import Sender
from tests.engine.webhooks.conftest import add_running_job, end_job, only_delivery, subscribe, take_turn
from tests.fakes.ports import until
from tests.fakes.receiver import Receiver

NOW = 2_000_000_000


def test_a_failed_delivery_is_tried_again_under_the_same_id_until_it_is_taken(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    endpoint, now = subscribe(client, receiver), int(time.time()) + 1
    statuses = [500, 404, 301, 200]
    receiver.answer = lambda *_: statuses.pop(0)
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", now)
    for _ in range(4):
        take_turn(deliveries, now)
        take_turn(deliveries, now)  # not due yet
        now = int(only_delivery(store)["due_at"]) + 1
    assert [one.webhook_id for one in receiver.got] == [receiver.got[0].webhook_id] * 4
    assert len({one.body for one in receiver.got}) == 1
    times = [int(one.headers["webhook-timestamp"]) for one in receiver.got]
    assert [after - before for before, after in itertools.pairwise(times)] == pytest.approx([6, 21, 81], abs=10)
    for got in receiver.got:
        client.webhooks.verify_signature(got.body, got.headers, secret=endpoint.signing_secret, tolerance=1000)
    assert (only_delivery(store)["status"], only_delivery(store)["attempts"]) == ("delivered", 4)


def test_a_delivery_is_given_up_after_72_hours(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    subscribe(client, receiver)
    receiver.answer = lambda *_: 503
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", NOW)
    now = float(NOW)
    while only_delivery_status(store) != "given_up":
        take_turn(deliveries, now)
        now = only_delivery(store)["due_at"] + 0.001
    times = [int(one.headers["webhook-timestamp"]) - NOW for one in receiver.got]
    assert times[0] == 0
    assert 48 * 3600 < times[-1] <= 72 * 3600
    assert len(times) in range(11, 15)
    take_turn(deliveries, NOW + 10**8)
    assert len(receiver.got) == len(times)


def only_delivery_status(store: Store) -> str:
    rows = store.newest(WEBHOOK_DELIVERIES, 9)
    return str(rows[0]["status"]) if rows else "none yet"


def test_a_receiver_that_says_gone_is_not_asked_again(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    subscribe(client, receiver)
    receiver.answer = lambda *_: 410
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", NOW)
    take_turn(deliveries, NOW)
    take_turn(deliveries, NOW + 3600)
    assert (len(receiver.got), only_delivery(store)["status"]) == (1, "given_up")


def test_nothing_more_goes_to_an_endpoint_that_is_gone_until_it_is_changed(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    endpoint = subscribe(client, receiver)
    answers = iter([500, 410])
    receiver.answer = lambda *_: next(answers, 200)
    for name in ("ftjob-1", "ftjob-2", "ftjob-3"):
        add_running_job(store, name)
    for name in ("ftjob-1", "ftjob-2"):
        end_job(store, name, NOW)
    for late in (0, 0, 3600):  # the first is to come again; the second is answered 410
        take_turn(deliveries, NOW + late)
    end_job(store, "ftjob-3", NOW)
    take_turn(deliveries, NOW + 7200)
    told = [row["status"] for row in store.newest(WEBHOOK_DELIVERIES, 9)]
    assert (len(receiver.got), sorted(told)) == (2, ["dropped", "given_up"]), "the third job's event has no delivery"
    client.webhooks.update(endpoint.id, url=endpoint.url)
    add_running_job(store, "ftjob-4")
    end_job(store, "ftjob-4", NOW + 7200)
    take_turn(deliveries, NOW + 7201)
    assert (len(receiver.got), store.newest(WEBHOOK_DELIVERIES, 1)[0]["status"]) == (3, "delivered")


def test_a_410_of_a_url_that_was_changed_meanwhile_closes_not_the_new_one(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    endpoint = subscribe(client, receiver)

    def answer(*_: Any) -> int:
        if len(receiver.got) > 1:
            return 200
        client.webhooks.update(endpoint.id, url=f"{receiver.url}/new")
        return 410

    receiver.answer = answer
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", NOW)
    take_turn(deliveries, NOW)
    [row] = store.newest(WEBHOOK_ENDPOINTS, 9)
    assert (row["gone_at"], only_delivery(store)["status"]) == (None, "pending")
    take_turn(deliveries, NOW + 3600)
    assert (len(receiver.got), only_delivery(store)["status"]) == (2, "delivered")


def test_what_was_to_go_to_a_deleted_endpoint_is_dropped(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    endpoint = subscribe(client, receiver)
    receiver.answer = lambda *_: 500
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", NOW)
    take_turn(deliveries, NOW)
    client.webhooks.delete(endpoint.id)
    take_turn(deliveries, NOW + 3600)
    assert (len(receiver.got), only_delivery(store)["status"]) == (1, "dropped")


def test_a_database_that_takes_no_writing_stops_the_sending(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(client, receiver)
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", NOW)
    monkeypatch.setattr(deliveries, "_sender", Sender(frozenset(), lambda *_: []))
    take_turn(deliveries, NOW)
    monkeypatch.undo()

    def full(*_: object, **__: object) -> bool:
        raise StoreError("UPDATE", {}, OSError(28, "No space left on device"))

    monkeypatch.setattr(store, "take_delivery", full)
    for _ in range(3):
        take_turn(deliveries, NOW + 3600)
    assert receiver.got == []
    monkeypatch.undo()
    take_turn(deliveries, NOW + 3600)
    assert len(receiver.got) == 1


def test_the_loop_goes_on_after_a_bad_turn_and_ends_when_told(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(client, receiver)
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", int(time.time()) + 1)
    real, bad = store.due_deliveries, iter([True])

    def once_broken(*arguments: Any) -> list[Record]:
        if next(bad, False):
            raise StoreError("SELECT", {}, OSError("locked"))
        return real(*arguments)

    monkeypatch.setattr(store, "due_deliveries", once_broken)
    stop = threading.Event()
    thread = threading.Thread(target=deliveries.run, args=(stop, time.time, 0.01))
    thread.start()
    try:
        until(lambda: only_delivery_status(store) == "delivered")
    finally:
        stop.set()
        thread.join()
    assert len(receiver.got) == 1


def test_pauses_grow_and_are_spread() -> None:
    plain, spread = Schedule(jitter=0), Schedule()
    assert [plain.pause(n, random.Random(1)) for n in (1, 2, 3, 7, 8, 9, 10**6)] == [
        5,
        20,
        80,
        20480,
        43200,
        43200,
        43200,
    ]
    drawn = [spread.pause(1, random.Random(seed)) for seed in range(50)]
    assert min(drawn) >= 4.5
    assert max(drawn) <= 5.5
    assert len(set(drawn)) == 50


def test_a_setting_that_was_taken_back_stops_what_was_under_way(
    client: OpenAI, receiver: Receiver, store: Store
) -> None:
    subscribe(client, receiver)
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", NOW)
    take_turn(Deliveries(store, Sender(frozenset())), NOW)
    assert (receiver.got, only_delivery(store)["status"]) == ([], "pending")
    assert store.newest(WEBHOOK_ENDPOINTS, 1)[0]["url"] == receiver.url
