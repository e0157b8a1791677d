"""Reads from a job's events how far it is: the newest figures, the time left; it asks nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_OVER = frozenset({"succeeded", "failed", "cancelled"})
_STILL = _OVER | {"paused"}


@dataclass(frozen=True)
class Progress:
    """Where a job stands; `total`, `loss`, `accuracy` and `left` (seconds) are None where nobody told.

    `ahead` is how many jobs are before one that waits, None of others.
    """

    step: int
    total: int | None
    loss: float | None
    accuracy: float | None
    left: float | None
    ahead: int | None = None

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100."""
        return min(100, 100 * self.step // self.total) if self.total else 0


def is_over(job: dict[str, Any]) -> bool:
    """Whether nothing more will become of a job."""
    return job.get("status") in _OVER


def is_still(job: dict[str, Any]) -> bool:
    """Whether nothing will happen to a job unless somebody does something."""
    return job.get("status") in _STILL


def name_of(job: dict[str, Any]) -> str:
    """Return what a person knows a job by: its suffix, else the end of its id."""
    suffix = str(job.get("user_provided_suffix") or "").removeprefix("suffix:")
    return suffix or f"…{job['id'][-8:]}"


def progress(job: dict[str, Any], events: Sequence[dict[str, Any]], now: float) -> Progress:
    """Return where a job stands by its newest step."""
    steps = _steps(events)
    if not steps:
        return Progress(0, None, None, None, _left(job, now), _ahead(job, events))
    newest = max(steps, key=lambda data: int(data["step"]))
    total = newest.get("total_steps")
    return Progress(
        int(newest["step"]),
        total if isinstance(total, int) else None,
        _number(newest.get("train_loss")),
        _number(newest.get("train_mean_token_accuracy")),
        _left(job, now),
        _ahead(job, events),
    )


def _left(job: dict[str, Any], now: float) -> float | None:
    finish = job.get("estimated_finish")
    return max(0.0, finish - now) if isinstance(finish, int | float) and not is_still(job) else None


def _ahead(job: dict[str, Any], events: Sequence[dict[str, Any]]) -> int | None:
    """What the newest event that tells a place says."""
    told = (event.get("data") for event in events if job.get("status") == "queued")
    places = (data.get("ahead") for data in told if isinstance(data, dict))
    return next((place for place in places if isinstance(place, int)), None)


def _steps(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    told = (event.get("data") for event in events)
    return [data for data in told if isinstance(data, dict) and isinstance(data.get("step"), int)]


def _number(value: Any) -> float | None:
    return round(float(value), 5) if isinstance(value, int | float) else None
