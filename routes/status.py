"""Whether the service runs; it asks nobody else."""

from typing import Any

from flask import Blueprint

from wire.envelope import ok

bp = Blueprint("status", __name__)


@bp.get("/status")
def status() -> dict[str, Any]:
    """Return `{}`: the service has started."""
    return ok({})
