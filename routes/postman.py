"""The calls of this port as a collection for Postman: a good reply without the envelope, ready to import."""

from flask import Blueprint, Response, current_app

from routes.openapi import described

bp = Blueprint("postman", __name__)


@bp.get("/postman.json")
def postman() -> Response:
    """Return every call of this port as a Postman collection (v2.1), the five documented ones first."""
    kept = current_app.extensions
    if "postman" not in kept:
        from routes.description.collection import collection

        kept["postman"] = collection(described())
    return Response(kept["postman"], mimetype="application/json")
