"""`/v1/moderations`, which is refused: this engine judges no texts, and an answer would be taken for a judgement."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from wire.errors import BadRequest

bp = Blueprint("moderations", __name__, url_prefix="/v1/moderations")


@bp.post("")
def create() -> ResponseReturnValue:
    """Say that nothing is moderated here, with a status that clients neither retry nor take for a wrong address."""
    raise BadRequest(
        "This engine does not moderate: it has no model that judges texts, and nothing was checked. "
        "Send moderation requests to a service that has one.",
        code="moderation_not_supported",
    )
