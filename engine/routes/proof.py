"""`POST /v1/proof`: proves to the service that this is its engine; the one call for which no key is needed."""

from flask import Flask, request
from flask.typing import ResponseReturnValue

from wire import proof
from wire.errors import NotFound

ENDPOINT = "proof"


def register(app: Flask, secret: str, port: int) -> None:
    """Add the route to `app`, which listens on `port`; without a secret there is nothing to prove."""

    def prove() -> ResponseReturnValue:
        """Answer the challenge in the header."""
        signed = proof.prove(secret, port, request.headers.get(proof.CHALLENGE, ""))
        if not secret:
            raise NotFound("This engine has no ENGINE_API_KEY, so there is nothing that it could prove.")
        return "", 204, {proof.PROOF: signed}

    app.add_url_rule(proof.PATH, ENDPOINT, prove, methods=["POST"])
