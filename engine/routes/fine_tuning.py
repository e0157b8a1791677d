"""`/v1/fine_tuning/jobs` (wire reference 2)."""

import re
import time

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from engine.repeats import Call
from engine.routes import json_object, limit, parts
from wire.errors import BadRequest
from wire.requests import JobCreate, parse

_PAIR = re.compile(r"metadata\[(.+)\]", re.DOTALL)
bp = Blueprint("fine_tuning", __name__, url_prefix="/v1/fine_tuning/jobs")


@bp.post("")
def create() -> ResponseReturnValue:
    """Create a job; it answers at once, and faults in the data show later in the job."""
    asked = parse(JobCreate, json_object())
    return parts().jobs.create(asked, int(time.time()), _call())


@bp.get("")
def list_jobs() -> ResponseReturnValue:
    """List jobs, newest first; `metadata[key]=value` filters, `metadata=null` finds those without."""
    return parts().jobs.list(limit(20, 100), request.args.get("after"), _metadata_filter())


@bp.get("/<job_id>")
def retrieve(job_id: str) -> ResponseReturnValue:
    """Return one job as it stands now."""
    return parts().jobs.retrieve(job_id)


@bp.post("/<job_id>/cancel")
def cancel(job_id: str) -> ResponseReturnValue:
    """Cancel a job that has not ended."""
    return parts().jobs.cancel(job_id, int(time.time()))


@bp.post("/<job_id>/pause")
def pause(job_id: str) -> ResponseReturnValue:
    """Stop a job that waits or trains, to go on with later."""
    return parts().jobs.pause(job_id, int(time.time()))


@bp.post("/<job_id>/resume")
def resume(job_id: str) -> ResponseReturnValue:
    """Let a paused job go on from its last checkpoint."""
    return parts().jobs.resume(job_id, int(time.time()))


@bp.get("/<job_id>/events")
def events(job_id: str) -> ResponseReturnValue:
    """List a job's events, newest first."""
    return parts().jobs.events(job_id, limit(20, 1000), request.args.get("after"))


@bp.get("/<job_id>/checkpoints")
def checkpoints(job_id: str) -> ResponseReturnValue:
    """List the models of a job's last epochs, highest step first."""
    return parts().jobs.checkpoints(job_id, limit(10, 100), request.args.get("after"))


def _call() -> Call:
    """Who asks, and what they say of having asked before: a key, or the count that OpenAI's SDKs send."""
    is_retry = request.headers.get("X-Stainless-Retry-Count", "0") != "0"
    return Call(g.get("key_id") or "", request.headers.get("Idempotency-Key"), is_retry)


def _metadata_filter() -> dict[str, str] | None:
    """Return the pairs asked for, {} for "jobs without metadata", None for no filter."""
    named = {name: value for name, value in request.args.items() if name.startswith("metadata")}
    if named == {"metadata": "null"}:
        return {}
    pairs = {key[1]: value for name, value in named.items() if (key := _PAIR.fullmatch(name))}
    stray = next((name for name in named if not _PAIR.fullmatch(name)), None)
    if stray is not None:
        message = f"'{stray:.80}' is no filter: jobs are found by metadata[key]=value, or by metadata=null alone."
        raise BadRequest(message, code="invalid_value", param="metadata")
    return pairs or None
