"""The first page: what stands behind the service, what is training, and what to do next."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Blueprint, current_app, render_template

from dashboard.frame import may
from dashboard.listed import listed
from dashboard.progress import is_over, is_still, name_of
from dashboard.watching import active, watch
from routes import services
from services.models import shut_down_on
from wire.errors import ApiError

bp = Blueprint("overview", __name__)
# Each costs a call.
_MOST_WATCHED = 3
# The queue's end is the newest: what is in training may be far behind it.
_RECENT = 100


@dataclass(frozen=True)
class Standing:
    """What the upstream says: `failure` why it says nothing; `ends` are its models with the days on which they end, or
    None where OpenAI's table of them, as we know it, has no such model."""

    engine: bool = False
    jobs: list[dict[str, Any]] = field(default_factory=list)
    ends: list[tuple[str, date | None]] = field(default_factory=list)
    trains: bool = True
    failure: ApiError | None = None

    @property
    def active(self) -> list[dict[str, Any]]:
        """The jobs that have not ended, in the order in which they are trained."""
        return active(self.jobs)

    @property
    def live(self) -> bool:
        """Whether it may be otherwise in a moment."""
        return bool(self.failure) or any(not is_still(job) for job in self.active)

    @property
    def newest_over(self) -> dict[str, Any] | None:
        """The newest job that has."""
        return next((job for job in self.jobs if is_over(job) and job["status"] != "cancelled"), None)


@bp.get("/")
def overview() -> str:
    """Show how things stand."""
    standing = _look()
    jobs = standing.active[:_MOST_WATCHED]
    seen = watch(jobs)
    watched = [(job, seen[job["id"]]) for job in jobs]
    return render_template("overview.html", standing=standing, watched=watched, **_unmoved())


def _unmoved() -> dict[str, Any]:
    """What a page says however things stand."""
    default = current_app.config["DEFAULT_MODEL"]
    return {"url": services().upstream.shown_url, "today": date.today(), "name_of": name_of, "default_model": default}


def _look() -> Standing:
    """Ask the upstream; that it cannot be asked is shown too."""
    try:
        engine = services().outlook.is_engine()
        reads = may("dashboard.jobs.list_jobs")
        page = listed(services().fine_tuning.page, {"limit": _RECENT}) if reads else {"data": []}
        trains = "unserved" not in page
        if not trains:
            services().models.all()  # else it has nothing at all there, as where an address lacks its path
    except ApiError as failure:
        return Standing(failure=failure)
    jobs = page["data"]
    return Standing(engine, jobs, _ends(jobs) if services().outlook.is_openai else [], trains)


def _ends(jobs: list[dict[str, Any]]) -> list[tuple[str, date | None]]:
    """The models that are used here, with the day on which each ends or ended at OpenAI; by day, unknown ones last."""
    named = [current_app.config["DEFAULT_MODEL"], *(job.get("model") for job in jobs)]
    named += [job.get("fine_tuned_model") for job in jobs]
    known = {model: shut_down_on(model) for model in named if model}
    return sorted(known.items(), key=lambda one: one[1] or date.max)
