"""Lists that are read in pages with the official SDK, while what is in them goes."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openai import OpenAI

from engine.store import FILES, MODELS, WEBHOOK_ENDPOINTS, Store
from tests.engine.hollow import create, upload


@pytest.fixture
def client(hollow: Flask) -> Iterator[OpenAI]:
    transport = httpx2.WSGITransport(app=hollow)
    with OpenAI(
        api_key="unused", base_url="http://localhost/v1", http_client=httpx2.Client(transport=transport), max_retries=0
    ) as client:
        yield client


def test_a_file_that_expires_between_two_pages_does_not_end_the_walk(
    client: OpenAI, caller: FlaskClient, store: Store
) -> None:
    made, walked = [upload(caller) for _ in range(5)], []
    for file in client.files.list(limit=2):
        walked.append(file.id)
        store.update(FILES, file.id, expires_at=1)
    assert walked == made[::-1]


def test_checkpoints_are_walked_while_their_models_are_deleted(
    client: OpenAI, caller: FlaskClient, store: Store
) -> None:
    job_id = create(caller)["id"]
    facts = {"job_id": job_id, "base": "base", "created_at": 1, "metrics": {}}
    for step in range(1, 6):
        own = {"id": f"ft:base:personal::{step}", "checkpoint_id": f"ftckpt_{step}", "step_number": step}
        store.insert({MODELS: [{**facts, **own, "adapter": f"jobs/{job_id}/{step}/adapter.gguf"}]})
    walked = []
    for one in client.fine_tuning.jobs.checkpoints.list(job_id, limit=2):
        walked.append(one.step_number)
        client.models.delete(one.fine_tuned_model_checkpoint)
    assert walked == [5, 4, 3, 2, 1]


def test_webhook_endpoints_are_walked_while_they_are_deleted(client: OpenAI, store: Store) -> None:
    facts = {"name": "n", "url": "https://example.com", "event_types": [], "created_at": 1, "updated_at": 1}
    store.insert({WEBHOOK_ENDPOINTS: [{**facts, "id": f"we_{one}", "secret": f"whsec_{one}"} for one in range(5)]})
    walked = []
    for one in client.webhooks.list(limit=2):
        walked.append(one.id)
        client.webhooks.delete(one.id)
    assert walked == ["we_4", "we_3", "we_2", "we_1", "we_0"]


LISTS: dict[str, Callable[[OpenAI, str], Callable[..., Any]]] = {
    "files": lambda client, _: client.files.list,
    "jobs": lambda client, _: client.fine_tuning.jobs.list,
    "events": lambda client, job_id: lambda **asked: client.fine_tuning.jobs.list_events(job_id, **asked),
    "checkpoints": lambda client, job_id: lambda **asked: client.fine_tuning.jobs.checkpoints.list(job_id, **asked),
    "webhooks": lambda client, _: client.webhooks.list,
}


@pytest.mark.parametrize("name", LISTS)
def test_an_unknown_cursor_is_refused_alike_by_every_list(client: OpenAI, caller: FlaskClient, name: str) -> None:
    job_id, deleted = create(caller)["id"], upload(caller)
    client.files.delete(deleted)
    for after in ["none", *([deleted] if name != "files" else [])]:
        with pytest.raises(openai.BadRequestError, match=f"No such object in this list: {after}") as refused:
            LISTS[name](client, job_id)(after=after)
        assert (refused.value.code, refused.value.param) == ("invalid_value", "after")
