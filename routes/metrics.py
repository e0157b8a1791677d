"""What the service counts, in Prometheus' text format: the one good reply without the envelope."""

from flask import Blueprint, Response

from observe.metrics import CONTENT_TYPE
from routes import figures, services

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """Return counts and times of all calls since the start."""
    asked = services()
    page = figures().page(asked.chat.streams_open, asked.upstream.breaker_state)
    return Response(page, content_type=CONTENT_TYPE)
