"""The description of this port in OpenAPI 3.1, for programs and people: a good reply without the envelope."""

from typing import Any

from flask import Blueprint, Response, current_app

bp = Blueprint("openapi", __name__)


@bp.get("/openapi.json")
def openapi() -> Response:
    """Describe every call of this port in OpenAPI 3.1."""
    kept = current_app.extensions
    if "openapi" not in kept:
        kept["openapi"] = current_app.json.dumps(described())
    return Response(kept["openapi"], mimetype="application/json")


def described() -> dict[str, Any]:
    """Return the description, which is made once."""
    kept = current_app.extensions
    if "described" not in kept:
        # Nobody waits for it at the start: it imports every report of dataprep, and asks pydantic for schemas.
        from routes.description.document import describe

        kept["described"] = describe(current_app)
    found: dict[str, Any] = kept["described"]
    return found
