"""Asks every call for the engine's secret or an admin's key, where one is asked for; finer rules are the service's."""

from flask import Flask, g, request

from engine.routes import proof
from gate import NOBODY, SERVICE, Access, RateLimit
from wire.errors import ApiError


def register(app: Flask, access: Access, rate: RateLimit) -> None:
    """Hang the question before every route of `app`, with how often each key, and who shows none that opens, may call.

    The service bounds its own callers, so its calls are not counted.
    """

    def require_key() -> None:
        if request.endpoint == proof.ENDPOINT:
            return
        try:
            key = access.require(request.headers.get("Authorization"), "admin")
        except ApiError:
            rate.take(f"address {request.remote_addr}")  # nor may keys be guessed at will
            raise
        g.key_id = key.id or None
        if key not in (NOBODY, SERVICE):
            rate.take(key.id)
        g.let_in = True

    app.before_request(require_key)
