"""Asks every call for the engine's secret or an admin's key, where one is asked for; finer rules are the service's."""

from flask import Flask, g, request

from engine.routes import proof
from gate import Access


def register(app: Flask, access: Access) -> None:
    """Hang the question before every route of `app`."""

    def require_key() -> None:
        if request.endpoint != proof.ENDPOINT:
            g.key_id = access.require(request.headers.get("Authorization"), "admin").id or None

    app.before_request(require_key)
