"""What makes two calls the same: a key of the caller's, and the body it was first used with."""

import hashlib
import json

from wire.errors import ApiError, BadRequest
from wire.requests import Strict


def refuse_bad_key(key: str) -> None:
    """Raise 400 invalid_idempotency_key unless the key may stand in an upstream's metadata."""
    if not (1 <= len(key) <= 255 and all("!" <= letter <= "~" for letter in key)):
        message = "An Idempotency-Key has 1 to 255 visible ASCII characters, such as a UUID."
        raise BadRequest(message, code="invalid_idempotency_key", param="Idempotency-Key")


def in_progress() -> ApiError:
    """Say that the first call with a key is under way."""
    message = "An earlier call with this Idempotency-Key is still under way; ask again for its reply in a moment."
    return ApiError(message, code="idempotency_in_progress", status=409, headers={"Retry-After": "1"})


def key_reused() -> ApiError:
    """Say that a key came with another body before."""
    message = "This Idempotency-Key was used with another body; use a new key for a new job."
    return ApiError(message, code="idempotency_key_reused", status=422)


def hash_of(wanted: Strict) -> str:
    """Return the sha256 of a body, however its fields were ordered."""
    canonical = json.dumps(wanted.model_dump(exclude_none=True), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
