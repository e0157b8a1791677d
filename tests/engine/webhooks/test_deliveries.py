"""The outbox: each job's end is told once an endpoint, again and again until it is taken, always under one id."""

import io
import json
import threading
import time

import pytest
from flask import Flask
from openai import OpenAI

from engine.parts import Parts
from engine.store import JOBS, WEBHOOK_EVENTS, Store, StoreError
from engine.webhooks.deliveries import Deliveries
from engine.worker import Worker
from tests.engine.webhooks.conftest import (
    CANCELLED,
    FAILED,
    SUCCEEDED,
    add_running_job,
    end_job,
    only_delivery,
    subscribe,
    take_turn,
)
from tests.fakes.ports import until
from tests.fakes.receiver import Receiver

LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
NOW = 2_000_000_000


def create_job(client: OpenAI) -> str:
    file = client.files.create(purpose="fine-tune", file=("t.jsonl", io.BytesIO(LINE)))
    return client.fine_tuning.jobs.create(model="base", training_file=file.id).id


def test_the_body_and_headers_are_those_of_the_wire(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    endpoint, now = subscribe(client, receiver), int(time.time()) + 1
    add_running_job(store, "ftjob-1")
    assert end_job(store, "ftjob-1", now)
    take_turn(deliveries, now)
    [got] = receiver.got
    assert list(json.loads(got.body)) == ["object", "id", "type", "created_at", "data"]
    event = client.webhooks.unwrap(got.body, got.headers, secret=endpoint.signing_secret)
    assert (event.type, event.object, event.created_at) == (SUCCEEDED, "event", now)
    assert event.id.startswith("evt_")
    assert event.data.id == "ftjob-1"  # type: ignore[union-attr]
    assert got.webhook_id.startswith("wh_")
    assert got.headers["webhook-timestamp"] == str(now)
    assert (got.headers["Content-Type"], got.headers["User-Agent"]) == ("application/json", "tune9527-webhooks/1.0")
    assert only_delivery(store)["status"] == "delivered"


def test_each_terminal_state_is_told_to_those_who_want_it(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries, app: Flask
) -> None:
    subscribe(client, receiver, FAILED, CANCELLED)
    cancelled, failed = create_job(client), create_job(client)
    client.fine_tuning.jobs.cancel(cancelled)
    parts: Parts = app.extensions["engine"]
    (parts.jobs.folder(failed) / "training_file.jsonl").write_bytes(b"{}\n")
    worker: Worker = app.extensions["worker"]
    worker.turn(int(time.time()))
    assert client.fine_tuning.jobs.retrieve(failed).status == "failed"
    add_running_job(store, "ftjob-not-wanted")
    end_job(store, "ftjob-not-wanted", int(time.time()))
    for _ in range(3):
        take_turn(deliveries, time.time())
    told = {(json.loads(one.body)["type"], one.job_id) for one in receiver.got}
    assert told == {(FAILED, failed), (CANCELLED, cancelled)}
    assert len(receiver.got) == 2


def test_an_end_is_told_once_however_often_it_is_tried(store: Store) -> None:
    add_running_job(store, "ftjob-1")
    assert [end_job(store, "ftjob-1", NOW, status) for status in ("cancelled", "succeeded", "failed", "cancelled")] == [
        True,
        False,
        False,
        False,
    ]
    assert [row["type"] for row in store.newest(WEBHOOK_EVENTS, 9)] == [CANCELLED]


def test_pausing_and_running_tell_nothing(store: Store) -> None:
    add_running_job(store, "ftjob-1")
    for status, before in (("paused", "running"), ("queued", "paused"), ("running", "queued")):
        assert store.move_job("ftjob-1", status, {before}, {})
    assert store.newest(WEBHOOK_EVENTS, 9) == []


def test_an_end_and_its_event_are_written_together_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add_running_job(store, "ftjob-1")
    monkeypatch.setattr("engine.store.outbox.new_id", lambda _: None)  # a row that the table does not take
    with pytest.raises(StoreError):
        end_job(store, "ftjob-1", NOW)
    row = store.one(JOBS, id="ftjob-1")
    assert row is not None
    assert row["status"] == "running"


def test_an_endpoint_hears_nothing_of_what_was_before_it(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", int(time.time()) + 3600)  # by a clock that was wrong then
    subscribe(client, receiver)
    take_turn(deliveries, time.time() + 3600)
    assert receiver.got == []
    assert store.newest(WEBHOOK_EVENTS, 1, status="new") == []


def test_an_endpoint_hears_of_what_was_after_it_though_the_clock_was_set_back(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    subscribe(client, receiver)
    add_running_job(store, "ftjob-1")
    before = int(time.time()) - 3600
    end_job(store, "ftjob-1", before)
    take_turn(deliveries, before)
    assert [one.job_id for one in receiver.got] == ["ftjob-1"]


def test_both_secrets_sign_while_the_old_one_is_active(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    first = subscribe(client, receiver)
    second = client.webhooks.rotate_secret(first.id, keep_old_secret_active_for_24_hours=True)
    now = int(time.time()) + 1
    add_running_job(store, "ftjob-1")
    end_job(store, "ftjob-1", now)
    take_turn(deliveries, now)
    for secret in (first.signing_secret, second.signing_secret):
        client.webhooks.unwrap(receiver.got[0].body, receiver.got[0].headers, secret=secret)


def test_a_slow_receiver_holds_up_nobody_else(
    client: OpenAI, receiver: Receiver, store: Store, deliveries: Deliveries
) -> None:
    release = threading.Event()
    slow = subscribe(client, receiver)
    client.webhooks.update(slow.id, url=receiver.url + "?slow")
    subscribe(client, receiver)
    receiver.answer = lambda got, _: 200 if "slow" not in got.path or release.wait(60) else 500
    for number in range(5):
        add_running_job(store, f"ftjob-{number}")
        end_job(store, f"ftjob-{number}", NOW)

    def quick() -> set[str]:
        deliveries.turn(NOW)
        return {one.job_id for one in receiver.got if "slow" not in one.path}

    try:
        until(lambda: len(quick()) == 5)
        assert len([one for one in receiver.got if "slow" in one.path]) == 1
    finally:
        release.set()
