"""Asks whoever answers on the embedded engine's port to prove that it knows our secret, before it is sent anything."""

import hmac
import http.client
import secrets
import socket

import loopback
from services.failures import MARK
from wire import proof


class Unproven(ConnectionError):
    """Whoever answers does not know the secret; `says_engine`: it says that it is an engine."""

    def __init__(self, says_engine: bool) -> None:
        super().__init__("whoever answers there does not know the key of our engine")
        self.says_engine = says_engine


def demand(connection: socket.socket, secret: str, port: int, seconds: float) -> None:
    """Return once the other end of a new connection has proved itself; then it is as new, for calls to follow.

    Raises:
        Unproven: it cannot, or speaks no HTTP.
        OSError: the connection broke, or was silent.
    """
    challenge = secrets.token_hex(32)
    try:
        answer = loopback.post(connection, proof.PATH, b"", {proof.CHALLENGE: challenge}, seconds)
    except ConnectionError:
        raise
    except http.client.HTTPException:
        raise Unproven(says_engine=False) from None
    answer.close()
    given, due = answer.headers.get(proof.PROOF, ""), proof.prove(secret, port, challenge)
    if not hmac.compare_digest(given.encode(), due.encode()):
        raise Unproven(says_engine=MARK in answer.headers)
