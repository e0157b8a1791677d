"""Follows the jobs that have an integration, one turn at a time; their trainers know nothing of it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine import lifecycle
from engine.jobs import event
from engine.reporting.child import Child
from engine.reporting.integration import DONE, WANTED
from engine.store import EVENTS, JOBS, Record, Store

_LOG = logging.getLogger(__name__)
# A run that is not closed by then is given up; seconds.
_CLOSING = 600
_AT_ONCE = 2
_NOT_INSTALLED = (
    "The job is not reported to Weights & Biases, for the package wandb is not installed; "
    "`pip install -r requirements/wandb.txt` brings it, and the next job will be."
)


@dataclass(frozen=True)
class WandbSettings:
    """The key and the mode as they are set."""

    api_key: str = field(default="", repr=False)
    mode: str = ""

    @property
    def settled(self) -> str:
        """Return `online` only if there is a key and nothing else is asked for, `disabled`, or `offline`."""
        if self.mode == "disabled":
            return "disabled"
        return "online" if self.api_key and self.mode in ("", "online") else "offline"

    @property
    def environment(self) -> dict[str, str]:
        """Return what the child needs of it; a key only to go online."""
        mode = self.settled
        return {"WANDB_MODE": mode, **({"WANDB_API_KEY": self.api_key} if mode == "online" else {})}


class Reports:
    """The runs of one engine; which jobs still want one stands in the store.

    What it writes carries no fencing token: one engine alone works in a data folder, by its lock.
    """

    def __init__(self, store: Store, folder: Callable[[str], Path], settings: WandbSettings) -> None:
        self._store = store
        self._folder = folder
        self._settings = settings
        self._children: dict[str, Child] = {}

    def turn(self, now: int) -> None:
        """Begin, follow or end the run of every job that wants one."""
        for job in self._store.newest(JOBS, None, ascending=True, report=WANTED):
            child = self._children.get(job["id"])
            if child is not None:
                self._follow(child, job, now)
            elif job["status"] == lifecycle.RUNNING or job["status"] in lifecycle.TERMINAL:
                self._begin(job, now)

    def run(self, stop: threading.Event, clock: Callable[[], float] = time.time, pause: float = 0.5) -> None:
        """Take turns until `stop` is set; the runs go on, from their first step, with the next start."""
        while not stop.wait(pause):
            try:
                self.turn(int(clock()))
            except Exception:  # the edge of this thread: one bad turn must not end all reports
                _LOG.exception("A turn of the reports failed.")
        for job_id in list(self._children):
            self._let_go(job_id, patience=5)

    def _begin(self, job: Record, now: int) -> None:
        """Start the run once there is a step to tell: by then the hyperparameters are settled."""
        if self._settings.settled == "disabled":
            self._close(job["id"], now, "No Weights & Biases run is recorded: WANDB_MODE is disabled.", "info")
            return
        if not self._store.newest(EVENTS, 1, job_id=job["id"], type="metrics"):
            if job["status"] in lifecycle.TERMINAL:
                self._store.update(JOBS, job["id"], report=DONE)
            return
        if len(self._children) >= _AT_ONCE:
            return
        folder = self._folder(job["id"])
        try:
            child = Child(folder, self._settings.environment)
        except OSError as trouble:
            self._close(job["id"], now, f"The job is not reported to Weights & Biases: {trouble.strerror}.")
            return
        self._children[job["id"]] = child
        names = ("model", "training_file", "validation_file", "hyperparameters", "seed")
        config = {name: job[name] for name in names}
        wandb = job["integrations"][0]["wandb"]
        child.tell("begin", mode=self._settings.settled, folder=str(folder), config=config, **wandb)

    def _follow(self, child: Child, job: Record, now: int) -> None:
        for answer in child.answers():
            if self._hear(answer, job, now):
                return
        if child.is_gone:
            self._close(job["id"], now, "The process of the Weights & Biases run ended before the run did.")
        elif job["status"] == lifecycle.PAUSED:
            self._let_go(job["id"], patience=5)
        elif child.ended_at is None:
            self._tell_steps(child, job, now)
        elif now > child.ended_at + _CLOSING:
            self._close(job["id"], now, f"The Weights & Biases run was not closed within {_CLOSING} seconds.")

    def _tell_steps(self, child: Child, job: Record, now: int) -> None:
        rows = self._store.newest(
            EVENTS, child.room, child.last_event, ascending=True, job_id=job["id"], type="metrics"
        )
        for row in rows:
            metrics = {name: value for name, value in row["data"].items() if name not in ("step", "total_steps")}
            child.tell("step", step=row["step"], metrics=metrics)
            child.last_event = row["id"]
        if not rows and child.room and job["status"] in lifecycle.TERMINAL:
            names = ("status", "fine_tuned_model", "trained_tokens")
            summary = {name: job[name] for name in names if job[name] is not None}
            succeeded = job["status"] == lifecycle.SUCCEEDED
            child.tell("end", exit_code=0 if succeeded else 1, summary=summary)
            child.ended_at = now

    def _hear(self, answer: Record, job: Record, now: int) -> bool:
        """Note one answer of the child; say whether the run is over by it."""
        job_id = job["id"]
        match answer["kind"]:
            case "begun" if answer["url"]:
                self._say(job_id, now, f"Weights & Biases run: {answer['url']}", "info")
            case "begun":
                where = f"jobs/{job_id}/wandb/{answer['folder']}"
                words = f"Weights & Biases run in DATA_DIR/{where}, offline; upload it with `wandb sync`."
                self._say(job_id, now, words, "info")
            case "done":
                self._close(job_id, now)
                return True
            case "missing":
                self._close(job_id, now, _NOT_INSTALLED)
                return True
            case "error":
                self._close(job_id, now, f"The job is not reported to Weights & Biases: {answer['message']}")
                return True
        return False

    def _say(self, job_id: str, now: int, words: str, level: str) -> None:
        key = self._settings.api_key
        shown = words.replace(key, "...") if key else words
        self._store.insert({EVENTS: [event(job_id, now, shown[:1000], level)]})

    def _close(self, job_id: str, now: int, words: str | None = None, level: str = "warn") -> None:
        self._store.update(JOBS, job_id, report=DONE)
        if words is not None:
            self._say(job_id, now, words, level)
        self._let_go(job_id, patience=1)

    def _let_go(self, job_id: str, patience: float) -> None:
        child = self._children.pop(job_id, None)
        if child is not None:
            child.stop(patience)
