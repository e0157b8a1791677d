"""How far jobs are that have not ended: each that is watched costs a call."""

import time
from collections.abc import Iterable
from typing import Any

from dashboard.progress import Progress, is_over, progress
from routes import services
from wire.errors import ApiError

# What is trained now goes first, then what comes next.
_ORDER = ("running", "validating_files", "queued", "paused")
_NEWEST_EVENTS = 20


def active(jobs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the jobs that have not ended, in the order in which they are trained."""
    return sorted((job for job in jobs if not is_over(job)), key=_turn)


def watch(jobs: Iterable[dict[str, Any]]) -> dict[str, Progress]:
    """Return how far each of these is, by its id."""
    now = time.time()
    return {job["id"]: progress(job, _events(job["id"]), now) for job in jobs}


def _turn(job: dict[str, Any]) -> tuple[int, int]:
    status = job.get("status")
    return _ORDER.index(status) if status in _ORDER else 0, int(job.get("created_at") or 0)


def _events(job_id: str) -> list[dict[str, Any]]:
    try:
        return list(services().fine_tuning.events(job_id, {"limit": _NEWEST_EVENTS})["data"])
    except ApiError:  # it may have gone meanwhile
        return []
