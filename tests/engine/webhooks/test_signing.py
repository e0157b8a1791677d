"""Signatures as the reference library of Standard Webhooks makes and verifies them."""

import base64
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from engine.webhooks import signing

BODY = '{"data":{"id":"ftjob-ü"}}'.encode()


def test_a_signature_is_that_of_the_reference_library() -> None:
    secret = signing.new_secret()
    ours = signing.headers("wh_1", 1_750_287_078, BODY, [secret])
    theirs = Webhook(secret).sign("wh_1", datetime.fromtimestamp(1_750_287_078, UTC), BODY.decode())
    assert ours["webhook-signature"] == theirs


def test_the_reference_library_takes_either_secret_and_no_other() -> None:
    secrets = [signing.new_secret() for _ in range(3)]
    headers = signing.headers("wh_1", int(time.time()), BODY, secrets[:2])
    for secret in secrets[:2]:
        assert Webhook(secret).verify(BODY.decode(), headers) == {"data": {"id": "ftjob-ü"}}
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[2]).verify(BODY.decode(), headers)
    for name, value in (("webhook-id", "wh_2"), ("webhook-timestamp", str(int(time.time()) - 1))):
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[0]).verify(BODY.decode(), {**headers, name: value})


def test_a_secret_is_32_random_bytes_and_its_hint_tells_no_more_than_four_letters() -> None:
    secret = signing.new_secret()
    assert secret != signing.new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert signing.hint(secret) == f"whsec_...{secret[-4:]}"
