"""The upstream's full objects of fine-tuning jobs, for callers who need more than the documented replies."""

from typing import Any

from flask import Blueprint, Response, request

from routes import services
from routes.attachment import attachment
from routes.incoming import query, switch
from routes.streams import event_stream
from services.curves import to_csv
from wire import sse, waiting
from wire.envelope import ok
from wire.errors import BadRequest

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
def list_events(job_id: str) -> dict[str, Any] | Response:
    """List a job's events, newest first: its steps with their loss, its checkpoints, its end.

    With `stream=true`, or `Accept: text/event-stream`, they come as server-sent events, oldest first, and new ones as
    they happen, until the job has ended; `Last-Event-ID` names the last one that is known already.
    """
    wanted = query(after=str, limit=int, stream=str)
    if _streams():
        known = request.headers.get("Last-Event-ID", "")
        return event_stream(lambda: waiting.stream(services().jobs.follow(job_id, known)))
    wanted.pop("stream", None)
    return ok(services().fine_tuning.events(job_id, wanted))


@bp.get("/<job_id>/metrics")
def list_metrics(job_id: str) -> dict[str, Any] | Response:
    """Return a job's curve, a point for each step: loss and accuracy; `format=csv` as a table to keep."""
    form = query(format=str).get("format", "json")
    if form not in ("json", "csv"):
        message = f"Invalid value for 'format': '{form[:80]}'. It must be json or csv."
        raise BadRequest(message, code="invalid_value", param="format")
    curve = services().jobs.curve(job_id)
    return attachment(to_csv(curve["points"]), f"{job_id}.csv", "text/csv") if form == "csv" else ok(curve)


@bp.get("/<job_id>/checkpoints")
def list_checkpoints(job_id: str) -> dict[str, Any]:
    """List the models that a job kept of its last epochs, highest step first."""
    return ok(services().jobs.checkpoints(job_id, query(after=str, limit=int)))


@bp.post("/<job_id>/cancel")
def cancel_job(job_id: str) -> dict[str, Any]:
    """Cancel a job that has not ended yet, and return it."""
    return ok(services().fine_tuning.cancel(job_id))


@bp.post("/<job_id>/pause")
def pause_job(job_id: str) -> dict[str, Any]:
    """Keep a job that waits or trains from going on, and return it."""
    return ok(services().jobs.pause(job_id))


@bp.post("/<job_id>/resume")
def resume_job(job_id: str) -> dict[str, Any]:
    """Let a paused job go on from its last checkpoint, and return it."""
    return ok(services().jobs.resume(job_id))


def _streams() -> bool:
    """Whether events are to come as they happen; a query says so to those who cannot set a header."""
    accepted = request.accept_mimetypes.best_match(["application/json", sse.CONTENT_TYPE])
    return switch("stream", request.args, default=accepted == sse.CONTENT_TYPE)
