"""The upstream's full objects of fine-tuning jobs, for callers who need more than the documented replies."""

from typing import Any

from flask import Blueprint

from routes import services
from routes.incoming import query
from wire.envelope import ok

bp = Blueprint("jobs", __name__, url_prefix="/jobs")


@bp.get("")
def list_jobs() -> dict[str, Any]:
    """List jobs, newest first; `after` (a job's id) and `limit` page through them."""
    return ok(services().fine_tuning.page(query(after=str, limit=int)))


@bp.get("/<job_id>")
def retrieve_job(job_id: str) -> dict[str, Any]:
    """Return one job with everything that the upstream tells of it."""
    return ok(services().fine_tuning.retrieve(job_id))


@bp.get("/<job_id>/events")
def list_events(job_id: str) -> dict[str, Any]:
    """List a job's events, newest first: its steps with their loss, its checkpoints, its end."""
    return ok(services().fine_tuning.events(job_id, query(after=str, limit=int)))


@bp.post("/<job_id>/cancel")
def cancel_job(job_id: str) -> dict[str, Any]:
    """Cancel a job that has not ended yet, and return it."""
    return ok(services().fine_tuning.cancel(job_id))
