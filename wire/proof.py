"""How an engine proves to its service that it knows the secret which they share, without saying it.

Nothing of the service's goes to a port before: any program of this machine may listen there.
"""

import functools
import hashlib
import hmac
import re

from wire.errors import BadRequest

PATH = "/v1/proof"
CHALLENGE = "X-Tune9527-Challenge"
PROOF = "X-Tune9527-Proof"
_CHALLENGE = re.compile("[0-9a-f]{64}")
# What is signed here can be taken for nothing else that anybody ever signs with the secret.
_PURPOSE = "tune9527 engine proof 1"


def prove(secret: str, port: int, challenge: str) -> str:
    """Return the proof, in hex, that somebody who listens on `port` knows `secret`: an HMAC-SHA256 (RFC 2104).

    By the port, whoever listens on another cannot pass a challenge on to the engine.

    Raises:
        BadRequest: 400 invalid_value, the challenge is not 64 hexadecimal digits.
    """
    if not _CHALLENGE.fullmatch(challenge):
        message = f"Invalid value for the header {CHALLENGE}. It must be 64 hexadecimal digits."
        raise BadRequest(message, code="invalid_value")
    return hmac.digest(_key(secret), f"{_PURPOSE}\n{port}\n{challenge}".encode(), "sha256").hex()


@functools.cache
def _key(secret: str) -> bytes:
    """Some 50 ms and 16 MB, once: whoever asks for a proof guesses a short secret no faster by it than by asking."""
    return hashlib.scrypt(secret.encode(), salt=_PURPOSE.encode(), n=2**14, r=8, p=1)
