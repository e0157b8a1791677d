"""Secrets and signatures as Standard Webhooks has them (wire reference 5.2); chance and time are passed in."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PREFIX = "whsec_"
_KEY_BYTES = 32


def new_secret() -> str:
    """Return a fresh signing secret: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def hint(secret: str) -> str:
    """Return as much of a secret as tells it from another: its last four letters."""
    return f"{_PREFIX}...{secret[-4:]}"


def headers(delivery_id: str, now: int, body: bytes, signing: Sequence[str]) -> dict[str, str]:
    """Return the three headers of one attempt at `now`; each secret of `signing` gives a signature."""
    signed = f"{delivery_id}.{now}.".encode() + body
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in signing),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
