"""Webhook endpoints, driven by the official SDK: made, listed, changed, tested, and their secrets shown once."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from flask import Flask
from openai import OpenAI
from openai.types.webhooks import WebhookEndpoint, WebhookEndpointWithSecret

from engine.store import WEBHOOK_ENDPOINTS, Store
from tests.engine.webhooks.conftest import CANCELLED, FAILED, SUCCEEDED
from tests.fakes.receiver import Received, Receiver


def create(client: OpenAI, receiver: Receiver, **values: Any) -> WebhookEndpointWithSecret:
    asked: dict[str, Any] = {"event_types": [SUCCEEDED], "name": "hook", "url": receiver.url}
    return client.webhooks.create(**{**asked, **values})


def test_a_secret_is_shown_when_it_is_made_and_never_again(client: OpenAI, receiver: Receiver, app: Flask) -> None:
    made = create(client, receiver)
    assert made.signing_secret.startswith("whsec_")
    assert made.signing_secret_hint == f"whsec_...{made.signing_secret[-4:]}"
    assert made.created_at == made.updated_at
    http = app.test_client()
    shown = [http.get(path).text for path in ("/v1/webhook_endpoints", f"/v1/webhook_endpoints/{made.id}")]
    shown.append(http.post(f"/v1/webhook_endpoints/{made.id}", json={"name": "other"}).text)
    assert not [text for text in shown if made.signing_secret in text or 'signing_secret"' in text]


def test_the_database_that_holds_secrets_is_for_its_owner_alone(app: Flask, tmp_path: Path) -> None:
    assert (tmp_path / "data" / "engine.sqlite3").stat().st_mode & 0o077 == 0


def test_endpoints_are_listed_page_by_page_newest_first(client: OpenAI, receiver: Receiver) -> None:
    made = [create(client, receiver, name=f"hook {number}").id for number in range(5)]
    first = client.webhooks.list(limit=2)
    assert (first.has_more, [one.id for one in first.data]) == (True, made[:2:-1])
    assert [one.id for one in client.webhooks.list(limit=2)] == made[::-1]
    with pytest.raises(openai.BadRequestError, match="we_none"):
        client.webhooks.list(after="we_none")


def test_an_update_replaces_what_is_given_and_an_idle_one_changes_nothing(
    client: OpenAI, receiver: Receiver, store: Store
) -> None:
    made = create(client, receiver)
    store.update(WEBHOOK_ENDPOINTS, made.id, updated_at=5)
    same = client.webhooks.update(made.id, name="hook", event_types=[SUCCEEDED])  # type: ignore[list-item]
    assert (same.updated_at, same.name) == (5, "hook")
    changed = client.webhooks.update(made.id, event_types=["fine_tuning.job.failed", "fine_tuning.job.failed"])
    assert (changed.event_types, changed.name, changed.url) == ([FAILED], "hook", receiver.url)
    assert changed.updated_at is not None
    assert changed.updated_at > 5
    with pytest.raises(openai.BadRequestError) as refused:
        client.webhooks.update(made.id, url="https://10.0.0.1/hook")
    assert refused.value.code == "webhook_target_not_allowed"


def test_what_is_deleted_is_gone(client: OpenAI, receiver: Receiver) -> None:
    made = create(client, receiver)
    gone = client.webhooks.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "webhook_endpoint.deleted")
    for call in (client.webhooks.retrieve, client.webhooks.delete, client.webhooks.rotate_secret):
        with pytest.raises(openai.NotFoundError, match=made.id):
            call(made.id)


def test_this_engine_says_which_events_it_sends(client: OpenAI, receiver: Receiver) -> None:
    assert client.webhooks.event_types.list().data == [SUCCEEDED, FAILED, CANCELLED]
    for kind in ("batch.completed", "nonsense"):
        with pytest.raises(openai.BadRequestError, match=f"no webhooks of type '{kind}'; it sends") as refused:
            create(client, receiver, event_types=[SUCCEEDED, kind])
        assert (refused.value.code, refused.value.param) == ("unsupported_value", "event_types")


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"event_types": []}, "event_types"),
        ({"event_types": SUCCEEDED}, "event_types"),
        ({"name": ""}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"url": "nonsense"}, "url"),
        ({"extra_body": {"secret": "whsec_mine"}}, "secret"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(
    client: OpenAI, receiver: Receiver, values: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(client, receiver, **values)
    assert refused.value.param == param


def test_a_test_sends_one_signed_event_and_tells_its_status(client: OpenAI, receiver: Receiver) -> None:
    made = create(client, receiver)
    receiver.answer = lambda *_: 418
    result = client.webhooks.test(made.id, event_type="fine_tuning.job.failed")
    assert (result.status_code, result.success, result.webhook_endpoint_id) == (418, True, made.id)
    assert (result.object, result.event_type) == ("webhook_endpoint.test", FAILED)
    [got] = receiver.got
    event = client.webhooks.unwrap(got.body, got.headers, secret=made.signing_secret)
    assert (event.type, event.object) == (FAILED, "event")
    assert client.webhooks.retrieve(made.id) == WebhookEndpoint(**made.model_dump(exclude={"signing_secret"}))


def test_a_test_that_nobody_answers_says_why(client: OpenAI, receiver: Receiver) -> None:
    made = create(client, receiver)
    receiver.close()
    with pytest.raises(openai.BadRequestError, match="refused or broke off") as refused:
        client.webhooks.test(made.id, event_type="fine_tuning.job.failed")
    assert refused.value.code == "webhook_unreachable"


def test_an_old_secret_signs_for_a_day_if_it_is_kept(client: OpenAI, receiver: Receiver, store: Store) -> None:
    made = create(client, receiver)

    def accepted(*secrets: str) -> list[bool]:
        client.webhooks.test(made.id, event_type="fine_tuning.job.failed")
        return [verifies(client, receiver.got[-1], secret) for secret in secrets]

    second = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True).signing_secret
    assert accepted(made.signing_secret, second) == [True, True]
    until = store.one(WEBHOOK_ENDPOINTS, id=made.id)
    assert until is not None
    assert until["old_secret_until"] == until["updated_at"] + 24 * 3600
    store.update(WEBHOOK_ENDPOINTS, made.id, old_secret_until=5)
    assert accepted(made.signing_secret, second) == [False, True]
    third = client.webhooks.rotate_secret(made.id).signing_secret
    assert accepted(second, third) == [False, True]
    assert len(json.dumps(receiver.got[-1].headers["webhook-signature"]).split()) == 1


def verifies(client: OpenAI, got: Received, secret: str) -> bool:
    try:
        client.webhooks.unwrap(got.body, got.headers, secret=secret)
    except openai.InvalidWebhookSignatureError:
        return False
    return True


def test_no_secret_and_no_url_is_logged(client: OpenAI, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    made = create(client, receiver, url=f"{receiver.url}?token=canary")
    again = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    client.webhooks.test(made.id, event_type="fine_tuning.job.failed")
    said = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("openai"))
    assert said
    assert not [word for word in (made.signing_secret, again.signing_secret, "canary") if word in said]
