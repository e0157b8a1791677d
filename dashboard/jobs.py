"""The jobs: all of them, and one with its curves, events and settings."""

import time
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from dashboard.listed import listed
from dashboard.progress import is_over, is_still, name_of, progress
from dashboard.watching import active, watch
from routes import services
from routes.incoming import page_form, query
from services import curves
from wire.errors import ApiError

bp = Blueprint("jobs", __name__, url_prefix="/dashboard/jobs")
_PAGE = 20
_MOST_WATCHED = 10
_NEWEST_EVENTS = 100
_MOST_CHECKPOINTS = 20
# A page has 200 KB in all: of a longer curve points are left out, and without a script a table says less.
_MOST_POINTS, _MOST_ROWS = 500, 40


@bp.get("")
def list_jobs() -> str:
    """Show the jobs, newest first; `after` goes on behind one."""
    page = listed(services().fine_tuning.page, {"limit": _PAGE, **query(after=str)})
    moving = [job for job in active(page["data"]) if not is_still(job)]
    seen = watch(moving[:_MOST_WATCHED])
    return render_template("jobs.html", page=page, seen=seen, live=bool(moving), name_of=name_of)


@bp.get("/<job_id>")
def show_job(job_id: str) -> Response:
    """Show one job; htmx asks again for what moves, with the `status` that the page has and its last `step`."""
    known = query(status=str, step=int)
    job = services().fine_tuning.retrieve(job_id)
    told = services().fine_tuning.events(job_id, {"limit": _NEWEST_EVENTS})
    reply = make_response(_part(job, told, known.get("step", 0)) if "status" in known else _page(job, told["data"]))
    if known.get("status", job["status"]) != job["status"]:
        reply.headers["HX-Refresh"] = "true"
    return reply


@bp.post("/<job_id>/cancel")
def cancel_job(job_id: str) -> Response:
    """Cancel a job and show it."""
    page_form([])
    services().fine_tuning.cancel(job_id)
    return redirect(url_for("dashboard.jobs.show_job", job_id=job_id), 303)


@bp.post("/<job_id>/pause")
def pause_job(job_id: str) -> Response:
    """Keep a job from going on, and show it."""
    page_form([])
    services().jobs.pause(job_id)
    return redirect(url_for("dashboard.jobs.show_job", job_id=job_id), 303)


@bp.post("/<job_id>/resume")
def resume_job(job_id: str) -> Response:
    """Let a paused job go on, and show it."""
    page_form([])
    services().jobs.resume(job_id)
    return redirect(url_for("dashboard.jobs.show_job", job_id=job_id), 303)


def _page(job: dict[str, Any], events: list[dict[str, Any]]) -> str:
    points = services().jobs.curve(job["id"])["points"]
    shown = curves.thinned(points, _MOST_POINTS)
    engine = bool(job.get("fine_tuned_model")) and services().outlook.is_engine()
    drawn = {
        "columns": _columns(shown),
        "rows": curves.thinned(points, _MOST_ROWS),
        "left_out": len(points) - len(shown),
    }
    more = {"checkpoints": _checkpoints(job), "engine": engine}
    return render_template("job.html", **_seen(job, events), **drawn, **more)


def _columns(points: list[curves.Point]) -> dict[str, list[float | None]]:
    """Points as a script draws them, a list for each figure that there is any of."""
    named = {name: [_rounded(point[name]) for point in points] for name in curves.COLUMNS}
    return {
        name: figures for name, figures in named.items() if name == "step" or any(one is not None for one in figures)
    }


def _rounded(figure: float | None) -> float | None:
    return figure if figure is None else round(figure, 4)


def _checkpoints(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The models that an ended job kept of earlier epochs, if its upstream tells of any."""
    if not is_over(job):
        return []
    try:
        kept = services().jobs.checkpoints(job["id"], {"limit": _MOST_CHECKPOINTS})["data"]
    except ApiError as failure:
        if failure.code != "not_served_upstream":
            raise
        return []
    return [one for one in kept if one["fine_tuned_model_checkpoint"] != job.get("fine_tuned_model")]


def _part(job: dict[str, Any], told: dict[str, Any], step: int) -> str:
    """What moves: of the curve its newest points, from `step` on, which the page has, if it was not looked at long."""
    events = told["data"]
    points = curves.of_events(events[::-1])
    if told.get("has_more") and not any((point["step"] or 0) <= step for point in points):
        points = [point for point in services().jobs.curve(job["id"])["points"] if (point["step"] or 0) > step]
    return render_template("job_part.html", **_seen(job, events), columns=_columns(points))


def _seen(job: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "job": job,
        "name": name_of(job),
        "events": events,
        "progress": progress(job, events, time.time()),
        "over": is_over(job),
        "live": not is_still(job),
        "every": "slow-tick" if services().outlook.is_openai else "tick",
    }
