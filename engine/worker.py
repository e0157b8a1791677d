"""Moves jobs on, one turn at a time: check the files, train in a child, prove, publish. It trains nothing itself."""

import json
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dataprep
from engine import durable, lifecycle, parity
from engine.jobs import event
from engine.parts import Parts
from engine.run import Run, died_of
from engine.serving.process import ModelGone, ServedModel, ServerSettings, StartFailed
from engine.store import EVENTS, FILES, JOBS, MODELS, Record
from wire.errors import ApiError
from wire.ids import model_name, new_id

_LOG = logging.getLogger(__name__)
_CRASHES_ALLOWED = 3
# A database that is locked for a moment is no reason to give a job up.
_FAULTS_ALLOWED = 3
_SWEEP_SECONDS = 10
_NO_ESTIMATE = {"estimated_finish": None}


@dataclass(frozen=True)
class WorkerSettings:
    """What the worker is told at start."""

    data_dir: Path
    organization: str
    minimum_examples: int
    context_tokens: int
    training_threads: int


class Pace:
    """How fast one child trains, and which steps are told already; a resumed child tells its earlier steps again."""

    def __init__(self, told: Collection[int] = ()) -> None:
        self._told = frozenset(told)
        self._first: tuple[int, int] | None = None

    def is_new(self, step: int) -> bool:
        """Say whether the step is not told yet."""
        return step not in self._told

    def estimate(self, step: int, total: int, now: int) -> int | None:
        """Return when the training will end if it goes on as it did since this child's first new step."""
        if self._first is None:
            self._first = (step, now)
            return None
        first, since = self._first
        return now + round((total - step) * (now - since) / max(1, step - first))


class Worker:
    """Runs at most one training at a time; everything it needs to go on after a kill is on disk."""

    def __init__(self, parts: Parts, settings: WorkerSettings) -> None:
        self._parts = parts
        self._store = parts.store
        self._settings = settings
        self._run: Run | None = None
        self._in_hand: str | None = None
        self._faults = 0
        self._pace = Pace()
        self._next_sweep = 0

    def turn(self, now: int) -> None:
        """Check what waits to be checked, then begin, follow or end the one training; clear away what has expired."""
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            self._parts.files.sweep(now)
            self._parts.uploads.sweep(now)
        while (unchecked := self._store.oldest_job(lifecycle.VALIDATING)) is not None:
            self._validate(unchecked, now)
        if self._run is None:
            self._begin(now)
        else:
            self._follow(self._run, now)

    def run(self, stop: threading.Event, clock: Callable[[], float] = time.time, pause: float = 0.2) -> None:
        """Take turns until `stop` is set; then end the child, whose job goes on from its checkpoint next time."""
        while not stop.wait(pause):
            self._turn_or_abandon(int(clock()))
        if self._run is not None:
            self._run.stop()

    def _turn_or_abandon(self, now: int) -> None:
        try:
            self.turn(now)
            self._faults = 0
        except Exception as fault:  # the edge of this thread: one bad turn must not end all training
            _LOG.exception("The worker's turn failed.")
            self._faults += 1
            if self._faults >= _FAULTS_ALLOWED:
                self._abandon(fault, now)

    def _abandon(self, fault: Exception, now: int) -> None:
        """Fail the job in hand, so that the same fault does not meet it at every turn."""
        job_id, self._in_hand, self._faults = self._in_hand, None, 0
        run, self._run = self._run, None
        try:
            if run is not None:
                run.stop()
                self._parts.pool.set_training(False)
            if job_id is not None:
                reason = f"The engine failed while it worked on this job: {type(fault).__name__}: {fault}"
                self._fail(job_id, "server_error", reason, now)
        except Exception:  # as above: the disk may be full; the next turns try again
            _LOG.exception("The job %s could not be marked as failed.", job_id)

    def _validate(self, job: Record, now: int) -> None:
        """Move a job to queued, or to failed with OpenAI's code and the number of the faulty line."""
        self._in_hand = job["id"]
        folder = self._parts.jobs.folder(job["id"])
        splits: tuple[tuple[Literal["training", "validation"], int], ...] = (
            ("training", self._settings.minimum_examples),
            ("validation", 1),
        )
        for split, minimum in splits:
            param = f"{split}_file"
            if job[param] is None:
                continue
            with (folder / f"{param}.jsonl").open("rb") as stream:
                report = dataprep.check(stream)
            fault = dataprep.job_error(report, job[param], minimum, "supervised", split)
            if fault is None and report.kind != "chat":
                words = f"Input file {job[param]} holds {report.kind} lines, but this engine trains on chat messages."
                fault = "invalid_file_format", words
            if fault is not None:
                self._fail(job["id"], fault[0], fault[1], now, param)
                return
        said = {EVENTS: [event(job["id"], now, lifecycle.VALIDATED)]}
        self._store.move_job(job["id"], lifecycle.QUEUED, lifecycle.may_become(lifecycle.QUEUED), said)

    def _begin(self, now: int) -> None:
        """Start the training that a kill interrupted, else the one that has waited longest."""
        job = self._store.oldest_job(lifecycle.RUNNING, lifecycle.QUEUED)
        if job is None:
            return
        self._in_hand = job["id"]
        base = self._parts.models.base_of(job["base"])
        if base is None:
            self._fail(job["id"], "model_not_found", f"The base model {job['base']} is gone.", now)
            return
        try:
            base_path = self._parts.models.base_path(base)
        except ApiError as reason:
            if reason.code != "model_loading":
                self._fail(job["id"], reason.code or "model_not_found", str(reason), now)
            return
        if job["status"] == lifecycle.QUEUED:
            said = {EVENTS: [event(job["id"], now, lifecycle.STARTED)]}
            self._store.move_job(job["id"], lifecycle.RUNNING, lifecycle.may_become(lifecycle.RUNNING), said)
        folder = self._parts.jobs.folder(job["id"])
        if (folder / "result.json").exists():
            self._finish(job, folder, now)
        else:
            self._start(job, base_path)

    def _start(self, job: Record, base_path: Path) -> None:
        folder = self._parts.jobs.folder(job["id"])
        adapter, validation = folder / "init_adapter", folder / "validation_file.jsonl"
        spec = {
            "job_id": job["id"],
            "base": str(base_path.resolve()),
            "init_adapter": str(adapter) if adapter.is_dir() else None,
            "training_file": str(folder / "training_file.jsonl"),
            "validation_file": str(validation) if validation.is_file() else None,
            "hyperparameters": job["hyperparameters"],
            "seed": job["seed"],
            "max_tokens": self._settings.context_tokens,
            "threads": self._settings.training_threads,
        }
        if not (folder / "spec.json").exists():
            durable.write_json(folder / "spec.json", spec)
        self._parts.pool.set_training(True)
        self._pace = Pace()
        self._run = Run(job["id"], folder)

    def _follow(self, run: Run, now: int) -> None:
        exit_code = run.exit_code()
        for message in run.messages():
            self._note(run.job_id, message, now)
        job = self._store.one(JOBS, id=run.job_id)
        if job is None or job["status"] != lifecycle.RUNNING:
            run.stop()
        elif exit_code is None:
            return
        elif (run.folder / "result.json").exists():
            self._in_hand = job["id"]
            self._finish(job, run.folder, now)
        else:
            self._count_crash(job, f"The trainer ended by {died_of(exit_code)}", now)
        self._run = None
        self._parts.pool.set_training(False)

    def _note(self, job_id: str, message: dict[str, Any], now: int) -> None:
        """Turn one line of the trainer into the job's fields and events."""
        match message.pop("kind", None):
            case "plan":
                self._pace = Pace(self._store.steps(job_id))
                names = ("n_epochs", "batch_size", "learning_rate_multiplier")
                self._store.update(JOBS, job_id, hyperparameters={name: message[name] for name in names})
                self._store.insert({EVENTS: [event(job_id, now, message["message"], data=message)]})
            case "step" if self._pace.is_new(message["step"]):
                said = event(job_id, now, lifecycle.step(message), type="metrics", data=message, step=message["step"])
                self._store.insert_event(said)
                finish = self._pace.estimate(message["step"], message["total_steps"], now)
                self._store.update(JOBS, job_id, estimated_finish=finish)
            case "checkpoint":
                self._store.update(JOBS, job_id, crashes=0)
            case "error":
                self._fail(job_id, message["code"], message["message"], now)

    def _count_crash(self, job: Record, what: str, now: int) -> None:
        """Let a crashed job go on from its last checkpoint, or its proof, but not for ever: the third crash ends it."""
        crashes = job["crashes"] + 1
        if crashes >= _CRASHES_ALLOWED:
            reason = f"{what}, {crashes} times without progress; the logs in the job's folder say more."
            self._fail(job["id"], "worker_crashed", reason, now)
            return
        self._store.update(JOBS, job["id"], crashes=crashes)
        words = f"{what}; going on from what is on disk"
        self._store.insert({EVENTS: [event(job["id"], now, words, level="warn")]})

    def _finish(self, job: Record, folder: Path, now: int) -> None:
        """Prove that the model answers when served as it did when trained, then let it be seen."""
        try:
            verdict = self._prove(job, folder)
        except (ModelGone, StartFailed) as gone:
            self._count_crash(job, f"The proof broke off: {gone}", now)
            return
        if not verdict.same:
            self._fail(job["id"], "train_serve_mismatch", verdict.message, now)
            return
        result = json.loads((folder / "result.json").read_text())
        models = self._models_of(job, folder, result, now)
        csv = self._parts.files.prepare_result(folder / "metrics.csv", "step_metrics.csv", now)
        name = models[-1]["id"]
        kept = [lifecycle.checkpoint_created(one["step_number"], one["id"]) for one in models[:-1]]
        words = [verdict.message, *kept, lifecycle.model_created(name), lifecycle.COMPLETED]
        also = {EVENTS: [event(job["id"], now, text, data={}) for text in words], MODELS: models, FILES: [csv]}
        values = {"hyperparameters": result["hyperparameters"], "trained_tokens": result["trained_tokens"]}
        values |= {"fine_tuned_model": name, "result_file": csv["id"], "finished_at": now, "estimated_finish": None}
        before = lifecycle.may_become(lifecycle.SUCCEEDED)
        self._store.move_job(job["id"], lifecycle.SUCCEEDED, before, also, **values)

    def _prove(self, job: Record, folder: Path) -> parity.Parity:
        base = self._parts.models.resolve(job["base"])
        model = ServedModel(name=job["id"], base=base.base, adapter=folder / "adapter" / "adapter.gguf")
        threads = max(1, self._settings.training_threads)
        settings = ServerSettings(context_tokens=self._settings.context_tokens, parallel=1, threads=threads)
        return parity.compare(model, folder / "parity.json", settings)

    def _models_of(self, job: Record, folder: Path, result: Record, now: int) -> list[Record]:
        """Return the rows of the kept epochs' models, the final model last."""
        last = result["total_steps"]
        kept = [(one["step"], one["path"], one["metrics"]) for one in result["checkpoints"]]
        metrics: Record = next((metrics for step, _, metrics in kept if step == last), {})
        kept = [*(one for one in kept if one[0] != last), (last, "adapter", metrics)]
        rows = []
        for step, path, figures in kept:
            ends = None if step == last else step
            rows.append(
                {
                    "id": model_name(job["base"], self._settings.organization, job["suffix"], ends),
                    "job_id": job["id"],
                    "base": job["base"],
                    "created_at": now,
                    "adapter": str((folder / path / "adapter.gguf").relative_to(self._settings.data_dir)),
                    "checkpoint_id": new_id("ftckpt_"),
                    "step_number": step,
                    "metrics": figures,
                }
            )
        return rows

    def _fail(self, job_id: str, code: str, message: str, now: int, param: str | None = None) -> None:
        error = {"code": code, "message": message, "param": param}
        said = {EVENTS: [event(job_id, now, message, level="error")]}
        before = lifecycle.may_become(lifecycle.FAILED)
        self._store.move_job(job_id, lifecycle.FAILED, before, said, error=error, finished_at=now, **_NO_ESTIMATE)
