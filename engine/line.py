"""The jobs that wait for their turn: how many are before each, and when each will have ended. It starts none."""

import heapq
import math
from collections.abc import Callable
from pathlib import Path

from engine import lifecycle
from engine.jobs import event, method_of
from engine.speeds import Kind, Speeds
from engine.store import JOBS, Place, Record, Store
from wire import auto

# Of what is left; a smaller change of an estimate is not worth a write.
_TOLERANCE = 0.05
_LEAST_CHANGE = 5


class Line:
    """Tells each queued job its place when that changes, and foresees its end from what others of its kind took.

    A kind is a base model and a method; the work of a job is the bytes of its training file in all its epochs.
    """

    def __init__(self, store: Store, folder_of: Callable[[str], Path], speeds: Speeds) -> None:
        self._store = store
        self._folder_of = folder_of
        self._speeds = speeds
        self._rows: dict[str, int] = {}
        self._ahead: dict[str, int] = {}

    def measure(self, job: Record, seconds: int | None) -> None:
        """Learn how long the whole of a job takes; None if nobody knows, such as of one that was broken off."""
        work = self._work(job)
        if seconds and work:
            self._speeds.learn(_kind(job), seconds / work)

    def tell(self, now: int) -> None:
        """Write to each queued job what has changed: its place as an event, and when it will have ended."""
        waiting = self._store.newest(JOBS, None, ascending=True, status=lifecycle.QUEUED)
        running = self._store.newest(JOBS, None, status=lifecycle.RUNNING) if waiting else []
        free = sorted(max(now, job["estimated_finish"] or math.inf) for job in running) or [float(now)]
        changes, before = list[Place](), self._ahead
        self._ahead = {job["id"]: ahead for ahead, job in enumerate(waiting, len(running))}
        for job in waiting:
            end = heapq.heappop(free) + self._seconds(job)
            heapq.heappush(free, end)
            finish, ahead = (None if end == math.inf else round(end)), self._ahead[job["id"]]
            has_moved = ahead > 0 and before.get(job["id"]) != ahead
            if has_moved or _differ(finish, job["estimated_finish"], now):
                said = event(job["id"], now, lifecycle.waiting(ahead), data={"ahead": ahead}) if has_moved else None
                changes.append(Place(job["id"], finish, said))
        self._rows = {job_id: rows for job_id, rows in self._rows.items() if job_id in self._ahead}
        if changes:
            self._store.line_up(changes)

    def _seconds(self, job: Record) -> float:
        """How long the job will take; infinity if nobody knows."""
        rate, work = self._speeds.of(_kind(job)), self._work(job)
        return rate * work if rate and work else math.inf

    def _work(self, job: Record) -> int:
        """Bytes that the job will train on; 0 if its file cannot be read."""
        file = self._folder_of(job["id"]) / "training_file.jsonl"
        try:
            return file.stat().st_size * self._epochs(job, file)
        except OSError:
            return 0

    def _epochs(self, job: Record, file: Path) -> int:
        asked = job["hyperparameters"]
        if asked["n_epochs"] != "auto":
            return int(asked["n_epochs"])
        if job["id"] not in self._rows:
            with file.open("rb") as lines:
                self._rows[job["id"]] = sum(1 for line in lines if not line.isspace())
        rows = self._rows[job["id"]]
        batch_size = auto.batch_size(rows) if asked["batch_size"] == "auto" else asked["batch_size"]
        epochs = auto.epochs_of_pairs if method_of(job) == "dpo" else auto.epochs
        return epochs(rows, math.ceil(max(1, rows) / batch_size))


def _kind(job: Record) -> Kind:
    return job["base"], method_of(job)


def _differ(finish: int | None, known: int | None, now: int) -> bool:
    if finish is None or known is None:
        return finish != known
    return abs(finish - known) > max(_LEAST_CHANGE, _TOLERANCE * (finish - now))
