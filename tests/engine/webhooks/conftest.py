"""An engine in this process with the official SDK in front, and a receiver on loopback that it may send to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openai import OpenAI
from openai.types.webhooks import WebhookEndpointWithSecret

from config import EngineConfig
from engine.app import create_engine
from engine.parts import Parts
from engine.store import JOBS, WEBHOOK_DELIVERIES, Record, Store
from engine.webhooks.deliveries import Deliveries
from tests.engine.sdk import sdk
from tests.fakes.bare_gguf import BARE
from tests.fakes.receiver import Receiver

SUCCEEDED, FAILED, CANCELLED = (f"fine_tuning.job.{status}" for status in ("succeeded", "failed", "cancelled"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def app(tmp_path: Path, receiver: Receiver) -> Iterator[Flask]:
    (tmp_path / "base.gguf").write_bytes(BARE)
    made = create_engine(
        EngineConfig(
            data_dir=tmp_path / "data", base_model=str(tmp_path / "base.gguf"), webhook_allowed_hosts=receiver.host
        )
    )
    yield made
    made.extensions["deliveries"].settle()
    made.extensions["engine"].store.close()


@pytest.fixture
def client(app: Flask) -> Iterator[OpenAI]:
    with sdk(app) as client:
        yield client


@pytest.fixture
def store(app: Flask) -> Store:
    parts: Parts = app.extensions["engine"]
    return parts.store


@pytest.fixture
def deliveries(app: Flask) -> Deliveries:
    made: Deliveries = app.extensions["deliveries"]
    return made


def add_running_job(store: Store, job_id: str) -> None:
    facts = {"id": job_id, "created_at": 1, "status": "running", "model": "m", "base": "m", "training_file": "file-1"}
    store.insert({JOBS: [{**facts, "seed": 1, "hyperparameters": {}}]})


def end_job(store: Store, job_id: str, now: int, status: str = "succeeded") -> bool:
    return store.move_job(job_id, status, {"running"}, {}, finished_at=now)


def subscribe(client: OpenAI, receiver: Receiver, *event_types: Any) -> WebhookEndpointWithSecret:
    wanted: Any = list(event_types) or [SUCCEEDED]
    return client.webhooks.create(event_types=wanted, name="hook", url=receiver.url)


def take_turn(deliveries: Deliveries, now: float) -> None:
    deliveries.turn(now)
    deliveries.settle()


def only_delivery(store: Store) -> Record:
    [row] = store.newest(WEBHOOK_DELIVERIES, 9)
    return row
