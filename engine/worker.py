"""Moves jobs on, one turn at a time: check the files, train in a child, prove, publish. It trains nothing itself."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from engine import attempts, durable, faults, gguf_header, lifecycle, parity
from engine.endings import Endings
from engine.jobs import AUTO, event
from engine.leases import SECONDS, Leases
from engine.line import Line
from engine.pace import Pace
from engine.parts import Parts
from engine.run import Run, write_spec
from engine.serving.process import ModelGone, ServedModel, ServerSettings
from engine.speeds import Speeds
from engine.store import EVENTS, JOBS, Claim, ClaimLost, Record, StoreError, is_unreachable
from engine.validation import fault_in
from engine.watch import Watch
from wire.errors import ApiError, ServerFault

_LOG = logging.getLogger(__name__)
_CRASHES_ALLOWED = 3
_FAULTS_ALLOWED = 3
_LONGEST_PAUSE = 32  # times the pause between turns, while the database is out of reach
_SWEEP_SECONDS = 10


@dataclass(frozen=True)
class WorkerSettings:
    """What the worker is told at start."""

    data_dir: Path
    organization: str
    base_in_names: str
    minimum_examples: int
    context_tokens: int
    training_threads: int
    stall_seconds: float
    lease_seconds: float = SECONDS
    rehearses: bool = False


class Worker:
    """Runs at most one training at a time; everything it needs to go on after a kill is on disk."""

    def __init__(self, parts: Parts, settings: WorkerSettings) -> None:
        self._parts = parts
        self._store = parts.store
        self._settings = settings
        self._leases = Leases(settings.data_dir / "workers", settings.lease_seconds)
        self._run: Run | None = None
        self._training: Claim | None = None
        self._in_hand: Claim | None = None
        self._unrecorded: tuple[Claim, str, str] | None = None
        self._faults, self._pause = 0, 1
        self._pace = Pace()
        self._endings = Endings(parts, settings.data_dir, settings.organization, settings.base_in_names)
        self._line = Line(parts.store, parts.jobs.folder, Speeds(settings.data_dir / "speeds.json"))
        self._next_sweep = self._last_turn = 0

    def turn(self, now: int) -> None:
        """Check what waits to be checked, then begin, follow or end the one training; clear away what has expired."""
        if now >= self._next_sweep or now < self._next_sweep - _SWEEP_SECONDS:  # a clock may be set back
            self._next_sweep = now + _SWEEP_SECONDS
            self._parts.files.sweep(now)
            self._parts.uploads.sweep(now)
            self._parts.reserve.restore()
        try:
            self._record(now)
            while (unchecked := self._claim(lifecycle.VALIDATING)) is not None:
                self._validate(unchecked, now)
            if self._run is None:
                self._begin(now)
            else:
                self._follow(self._run, now)
            if now != self._last_turn:
                self._line.tell(now)
        except ClaimLost as lost:
            _LOG.warning("%s", lost)
            self._unrecorded = None
            self._end_run()
        self._in_hand, self._last_turn = None, now

    def run(self, stop: threading.Event, clock: Callable[[], float] = time.time, pause: float = 0.2) -> None:
        """Take turns until `stop` is set; then end the child, whose job goes on from its checkpoint next time."""
        beating = threading.Thread(target=self._leases.beat, args=(stop, self._held), name="heartbeat", daemon=True)
        beating.start()
        while not stop.wait(pause * self._pause):
            self._turn_or_abandon(int(clock()))
        beating.join()
        held = self._training
        self._end_run()
        if held is not None:
            with contextlib.suppress(StoreError):  # else its lease runs out
                held.release()
        self._leases.close()

    def _held(self) -> list[Claim]:
        return [claim for claim in (self._training, self._in_hand) if claim is not None]

    def _claim(self, *statuses: str) -> Claim | None:
        """Take the next job in one of `statuses` in hand; looking first costs an idle worker no lock for writing."""
        if self._store.oldest_job(*statuses) is None:
            return None
        self._leases.hold()
        self._in_hand = self._store.claim(self._leases.owner, statuses, self._leases.dead(self._store.held()))
        return self._in_hand

    def _end_run(self) -> None:
        run, self._run, self._training = self._run, None, None
        if run is not None:
            run.stop()
            self._parts.pool.set_training(False)
            self._let_go(run.job_id)

    def _let_go(self, job_id: str) -> None:
        """Nobody works on the job any more, and the engine lives; if it has ended, put away what is left of it."""
        attempts.end(self._parts.jobs.folder(job_id))
        self._endings.put_away(job_id)

    def _turn_or_abandon(self, now: int) -> None:
        try:
            self.turn(now)
            self._faults, self._pause = 0, 1
        except Exception as fault:  # the edge of this thread: one bad turn must not end all training
            if is_unreachable(fault):  # no fault of the job: it trains on, and is told of later
                _LOG.error("The database cannot be reached; trying again: %s", fault)
                self._leases.forget()
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                return
            _LOG.exception("The worker's turn failed.")
            self._faults += 1
            if self._faults >= _FAULTS_ALLOWED or faults.is_full(fault):
                self._abandon(fault, now)

    def _abandon(self, fault: Exception, now: int) -> None:
        """Fail the job in hand, so that the same fault does not meet it at every turn."""
        claim, self._in_hand, self._faults = self._in_hand or self._training, None, 0
        try:
            self._end_run()
            if claim is not None:
                self._unrecorded = claim, *faults.told(fault)
                self._record(now)
        except Exception:  # as above: the disk may be full; the next turns try again
            _LOG.exception("The job %s could not be marked as failed.", claim.job_id if claim else "-")

    def _record(self, now: int) -> None:
        """Mark the job as failed that could not be while the database was out of reach or full."""
        if self._unrecorded is not None:
            self._endings.fail(*self._unrecorded, now)
            self._unrecorded = None

    def _validate(self, claim: Claim, now: int) -> None:
        """Move a job to queued, or to failed with OpenAI's code and the number of the faulty line."""
        job, folder = claim.job, self._parts.jobs.folder(claim.job_id)
        if attempts.begin(folder, ()) > attempts.CHECKS_ALLOWED:
            words = f"The engine went down {attempts.CHECKS_ALLOWED} times in a row while it checked this job's files."
            self._endings.fail(claim, "worker_crashed", words, now)
            return
        try:
            fault = fault_in(job, folder, self._settings.minimum_examples)
        finally:
            attempts.end(folder)
        if fault is not None:
            self._endings.fail(claim, fault.code, fault.message, now, fault.param)
            return
        said = {EVENTS: [event(job["id"], now, lifecycle.VALIDATED)]}
        claim.move(lifecycle.QUEUED, lifecycle.may_become(lifecycle.QUEUED), said, owner=None)

    def _begin(self, now: int) -> None:
        """Start the training that a kill interrupted, else the one that has waited longest."""
        waiting = lifecycle.RUNNING, lifecycle.QUEUED
        oldest = self._store.oldest_job(*waiting)  # asked first, for each claim is a write
        if (oldest and self._parts.models.is_on_its_way(oldest["base"])) or (claim := self._claim(*waiting)) is None:
            return
        job = claim.job
        base = self._parts.models.base_of(job["base"])
        if base is None:
            self._endings.fail(claim, "model_not_found", f"The base model {job['base']} is gone.", now)
            return
        try:
            base_path = self._parts.models.base_path(base)
        except ApiError as reason:
            if reason.code != "model_loading":
                self._endings.fail(claim, reason.code or "model_not_found", str(reason), now)
            return
        if job["status"] == lifecycle.QUEUED:
            begun = lifecycle.begun(self._settings.context_tokens, gguf_header.read(base_path).context)
            said = {EVENTS: [event(job["id"], now, **words) for words in begun]}
            if not claim.move(lifecycle.RUNNING, lifecycle.may_become(lifecycle.RUNNING), said):
                return
        folder = self._parts.jobs.folder(job["id"])
        if attempts.begin(folder, self._store.steps(job["id"])) > attempts.ALLOWED:
            words = f"The engine went down with this job {attempts.ALLOWED} times in a row, no step between them."
            self._endings.fail(claim, "worker_crashed", words, now)
        elif (folder / "result.json").exists():
            self._pace = Pace()
            try:
                self._finish(claim, folder, now)
            finally:
                self._let_go(claim.job_id)
        else:
            self._start(claim, base_path, now)

    def _start(self, claim: Claim, base_path: Path, now: int) -> None:
        job, folder = claim.job, self._parts.jobs.folder(claim.job_id)
        context = gguf_header.within_context(base_path, self._settings.context_tokens)
        write_spec(job, folder, base_path, context, self._settings.training_threads, self._settings.rehearses)
        self._pace = Pace(now)
        self._run, self._training = Run(job["id"], folder, base_path, Watch(self._settings.stall_seconds)), claim
        self._parts.pool.set_training(True)  # no sooner: only the end of a run gives serving its threads back

    def _follow(self, run: Run, now: int) -> None:
        claim = self._in_hand = cast(Claim, self._training)
        end = run.end()
        for message in run.messages():
            self._note(claim, message, now)
        job = self._store.one(JOBS, id=run.job_id)
        if job is not None and job["status"] == lifecycle.RUNNING and job["fence"] == claim.fence:
            if end is None:
                return
            if (run.folder / "result.json").exists():
                self._finish(claim, run.folder, now)
            else:
                self._count_crash(claim, f"The trainer {end}", now)
        self._end_run()

    def _note(self, claim: Claim, message: dict[str, Any], now: int) -> None:
        """Turn one line of the trainer into the job's fields and events."""
        kind, message = message.get("kind"), {name: value for name, value in message.items() if name != "kind"}
        match kind:
            case "plan":
                self._pace = Pace(self._pace.began, self._store.steps(claim.job_id))
                settled = {name: message[name] for name in (*AUTO, "beta") if name in message}
                claim.note(event(claim.job_id, now, message["message"], data=message), hyperparameters=settled)
            case "preflight":
                said = event(claim.job_id, now, message["message"], data=message)
                self._foresee(claim, said, now + round(message["seconds"]))
            case "step" if self._pace.is_new(message["step"]):
                words, step = lifecycle.step(message), message["step"]
                said = event(claim.job_id, now, words, type="metrics", data=message, step=step)
                self._foresee(claim, said, self._pace.estimate(step, message["total_steps"], now))
            case "checkpoint" | "saved":
                claim.note(crashes=0)
            case "error":
                self._endings.fail(claim, message["code"], message["message"], now)

    def _foresee(self, claim: Claim, said: Record, finish: int | None) -> None:
        claim.note(said, **({"estimated_finish": finish} if finish else {}))
        self._line.measure(claim.job, self._pace.whole(finish))

    def _count_crash(self, claim: Claim, what: str, now: int) -> None:
        """Let a crashed job go on from its last checkpoint, or its proof, but not for ever: the third crash ends it."""
        crashes = claim.job["crashes"] + 1
        if crashes >= _CRASHES_ALLOWED:
            reason = f"{what}, {crashes} times without progress; the logs in the job's folder say more."
            self._endings.fail(claim, "worker_crashed", reason, now)
            return
        claim.note(event(claim.job_id, now, f"{what}; going on from what is on disk", level="warn"), crashes=crashes)

    def _finish(self, claim: Claim, folder: Path, now: int) -> None:
        """Prove that the model answers when served as it did when trained, then let it be seen."""
        try:
            verdict = self._prove(claim.job, folder)
        except (ModelGone, ServerFault) as gone:
            self._count_crash(claim, f"The proof broke off: {gone}", now)
            return
        if not verdict.same:
            self._endings.fail(claim, "train_serve_mismatch", verdict.message, now)
            return
        result = durable.read_json(folder / "result.json")
        self._line.measure(claim.job | {"hyperparameters": result["hyperparameters"]}, self._pace.whole(now))
        self._endings.publish(claim, result, verdict.message, now)

    def _prove(self, job: Record, folder: Path) -> parity.Parity:
        base = self._parts.models.resolve(job["base"])
        model = ServedModel(name=job["id"], base=base.base, adapter=folder / "adapter" / "adapter.gguf")
        context = gguf_header.within_context(base.base, self._settings.context_tokens)
        settings = ServerSettings(context, 1, max(1, self._settings.training_threads))
        return parity.compare(model, folder / "parity.json", settings)
