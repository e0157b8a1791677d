"""The rules of fine-tuning jobs as callers see them: create, look, pause, cancel. `worker` does the training."""

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine import inputs, lifecycle, remains, repeats
from engine.files import Files
from engine.inputs import Source
from engine.models import Models, how_to_get
from engine.repeats import Call
from engine.reporting import integration
from engine.store import EVENTS, JOBS, MODELS, Record, Store
from engine.turns import Turns
from wire.errors import BadRequest, NotFound
from wire.idempotency import hash_of
from wire.ids import new_id
from wire.pages import page, unknown_cursor
from wire.requests import Hyperparameters, JobCreate

AUTO = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
METHODS = ("supervised", "dpo")
_CHANCE = random.SystemRandom()


class Jobs:
    """Jobs in the store; the files of each in a folder of its own, so that deleting an upload harms no job."""

    def __init__(self, store: Store, files: Files, models: Models, folder: Path) -> None:
        self._store = store
        self._files = files
        self._models = models
        self._folder = folder
        self._turns = Turns()
        self.organization_id = store.fact("organization_id", new_id("org-"))
        folder.mkdir(parents=True, exist_ok=True)

    def folder(self, job_id: str) -> Path:
        """Return the folder of one job: spec, checkpoints, adapter, result."""
        return self._folder / job_id

    def create(self, asked: JobCreate, now: int, call: Call | None = None) -> Record:
        """Accept a job; its data is checked later, and faults in it make it `failed` (wire reference 9.2).

        A call that comes again gets the job of the first one, as it stands now.

        Raises:
            BadRequest: a file or model that cannot be used, or a method this engine does not train by.
            ApiError: as `repeats.earlier`.
        """
        call, request_hash = call or Call(), hash_of(asked)
        marks = {"caller": call.caller, "idempotency_key": call.key, "request_hash": request_hash}
        with self._turns.of(repeats.name_of(call, request_hash)):
            job = repeats.once(self._store, call, request_hash, now, lambda: self._begin(asked, now, marks))
        return self.retrieve(job["id"])

    def _begin(self, asked: JobCreate, now: int, marks: Record) -> Record:
        _refuse_unsupported(asked)
        base = self._models.base_of(asked.model)
        if base is None or base.embeds:
            raise BadRequest(
                f"Model {asked.model} is not available for fine-tuning or does not exist.",
                code="model_not_available",
                param="model",
            )
        if not self._models.is_here(base):
            raise BadRequest(how_to_get(base), code="model_not_available", param="model")
        self._models.refuse_unsupported(base)
        job = self._new_job(asked, base.id, now) | marks
        self._link_files(job["id"], asked)
        opening = lifecycle.validating(asked.training_file, asked.validation_file)
        said = [event(job["id"], now, lifecycle.created(job["id"])), event(job["id"], now, opening, data={})]
        try:
            self._store.insert({JOBS: [job], EVENTS: said})
        except BaseException:
            if self._store.lacks(JOBS, job["id"]):  # its links would keep the bytes of deleted files
                shutil.rmtree(self.folder(job["id"]), ignore_errors=True)
            raise
        return job

    def list(self, limit: int, after: str | None, metadata: Mapping[str, str] | None) -> dict[str, Any]:
        """Return one page of jobs, newest first."""
        try:
            rows = self._store.jobs(limit + 1, after, metadata)
        except LookupError:
            raise unknown_cursor(after) from None
        return page([self.to_wire(row) for row in rows], limit)

    def retrieve(self, job_id: str) -> Record:
        """Return one job as it stands now."""
        return self.to_wire(self._row(job_id))

    def cancel(self, job_id: str, now: int) -> Record:
        """Cancel a job that has not ended; its trainer is stopped by the worker's next turn."""
        before = self._row(job_id)["status"]
        cancelled = self._move(job_id, lifecycle.CANCELLED, lifecycle.CANCELLED_BY_CALLER, now, finished_at=now)
        if before == lifecycle.RUNNING:  # its trainer still writes; the worker clears the rest behind it
            inputs.forget(self.folder(job_id))
        else:
            remains.clear(self.folder(job_id))
        return cancelled

    def pause(self, job_id: str, now: int) -> Record:
        """Keep a job that waits or trains from going on; its trainer is stopped by the worker's next turn."""
        return self._move(job_id, lifecycle.PAUSED, lifecycle.PAUSED_BY_CALLER, now)

    def resume(self, job_id: str, now: int) -> Record:
        """Let a paused job wait for its turn again; it goes on from its last checkpoint, before later jobs."""
        if self._row(job_id)["status"] != lifecycle.PAUSED:
            raise self._unmoved(job_id, lifecycle.QUEUED)
        return self._move(job_id, lifecycle.QUEUED, lifecycle.RESUMED_BY_CALLER, now, owner=None)

    def events(self, job_id: str, limit: int, after: str | None) -> dict[str, Any]:
        """Return one page of a job's events, newest first."""
        self._row(job_id)
        return self._page(EVENTS, job_id, limit, after, event_to_wire)

    def checkpoints(self, job_id: str, limit: int, after: str | None) -> dict[str, Any]:
        """Return the models kept of a job's last epochs, highest step first; they appear when it has succeeded."""
        self._row(job_id)
        return self._page(MODELS, job_id, limit, after, checkpoint_to_wire)

    def to_wire(self, row: Record) -> Record:
        """Return the Job object of a row (wire reference 2.2)."""
        method, settings = method_of(row), row["hyperparameters"]
        same = ("id", "created_at", "error", "fine_tuned_model", "finished_at", "model", "status", "trained_tokens")
        also = ("training_file", "validation_file", "seed", "metadata")
        goes_on = row["status"] in (lifecycle.QUEUED, lifecycle.RUNNING)  # a trainer may tell a step after a pause
        return {
            "object": "fine_tuning.job",
            **{name: row[name] for name in (*same, *also)},
            "estimated_finish": row["estimated_finish"] if goes_on else None,
            "integrations": row["integrations"] or [],
            "organization_id": self.organization_id,
            "hyperparameters": {name: settings[name] for name in AUTO},
            "result_files": [row["result_file"]] if row["result_file"] else [],
            "method": {"type": method, method: {"hyperparameters": settings}},
            "user_provided_suffix": row["suffix"],
            "usage_metrics": None,
            "shared_with_openai": False,
            "eval_id": None,
        }

    def _new_job(self, asked: JobCreate, base_id: str, now: int) -> Record:
        trained_further = self._models.adapter_of(asked.model) is not None
        job_id = new_id("ftjob-")
        integrations = integration.settle(asked.integrations, job_id, base_id)
        return {
            "id": job_id,
            "created_at": now,
            "status": lifecycle.VALIDATING,
            "model": asked.model if trained_further else base_id,
            "base": base_id,
            "training_file": asked.training_file,
            "validation_file": asked.validation_file,
            "suffix": asked.suffix,
            "seed": _CHANCE.randrange(2**31) if asked.seed is None else asked.seed,
            "hyperparameters": _hyperparameters(asked),
            "metadata": asked.metadata or None,
            "integrations": integrations or None,
            "report": integration.WANTED if integrations else None,
        }

    def _link_files(self, job_id: str, asked: JobCreate) -> None:
        wanted = {"training_file": asked.training_file, "validation_file": asked.validation_file}
        sources = {f"{param}.jsonl": self._usable(file_id, param) for param, file_id in wanted.items() if file_id}
        adapter = self._models.adapter_of(asked.model)
        if adapter is not None:
            sources |= inputs.adapter(adapter.parent, _no_adapter(asked.model))
        inputs.gather(self.folder(job_id), sources)

    def _usable(self, file_id: str, param: str) -> Source:
        gone = BadRequest(f"invalid {param}: {file_id}", param=param, code="invalid_file")
        try:
            row, path = self._files.row(file_id), self._files.path(file_id)
        except NotFound:
            raise gone from None
        if row["purpose"] != "fine-tune":
            raise BadRequest(
                f"Invalid file purpose: file {file_id} has purpose '{row['purpose']}', expected 'fine-tune'.",
                param=param,
                code="invalid_file_purpose",
            )
        return Source(path, gone)

    def _move(self, job_id: str, status: str, words: str, now: int, **values: Any) -> Record:
        """Move a job on a caller's word and return it, or raise why it cannot be moved."""
        self._row(job_id)
        said = {EVENTS: [event(job_id, now, words)]}
        before = lifecycle.may_become(status)
        if not self._store.move_job(job_id, status, before, said, estimated_finish=None, **values):
            raise self._unmoved(job_id, status)
        return self.retrieve(job_id)

    def _unmoved(self, job_id: str, wanted: str) -> BadRequest:
        status = self._row(job_id)["status"]
        if status in lifecycle.TERMINAL:
            return BadRequest(f"Job has already completed: {job_id} is {status}.", code="job_already_completed")
        return BadRequest(f"{job_id} is {status} and cannot become {wanted}.", code="invalid_job_state")

    def _row(self, job_id: str) -> Record:
        row = self._store.one(JOBS, id=job_id)
        if row is None:
            raise _no_such_job(job_id)
        return row

    def _page(
        self, table: Any, job_id: str, limit: int, after: str | None, to_wire: Callable[[Record], Record]
    ) -> dict[str, Any]:
        try:
            rows = self._store.newest(table, limit + 1, after, job_id=job_id)
        except LookupError:
            raise unknown_cursor(after) from None
        return page([to_wire(row) for row in rows], limit)


def event(job_id: str, now: int, message: str, level: str = "info", **extra: Any) -> Record:
    """Return the row of one event; `extra` may hold type, data and step."""
    row = {"id": new_id("ftevent-"), "job_id": job_id, "created_at": now, "level": level, "message": message}
    return {**row, "type": "message", "data": None, "step": None, **extra}


def event_to_wire(row: Record) -> Record:
    """Return the event object of a row (wire reference 2.5)."""
    shown = ("id", "created_at", "level", "message", "type", "data")
    return {"object": "fine_tuning.job.event", **{name: row[name] for name in shown}}


def checkpoint_to_wire(row: Record) -> Record:
    """Return the checkpoint object of a model's row (wire reference 2.6)."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": row["checkpoint_id"],
        "created_at": row["created_at"],
        "fine_tuned_model_checkpoint": row["id"],
        "fine_tuning_job_id": row["job_id"],
        "step_number": row["step_number"],
        "metrics": row["metrics"],
    }


def method_of(row: Record) -> str:
    """Return the method of a job's row: of those trained by here, `dpo` alone has a beta."""
    return "dpo" if "beta" in row["hyperparameters"] else "supervised"


def _hyperparameters(asked: JobCreate) -> Record:
    """Return what the caller fixed, inside `method` or in the older top-level field, with `auto` for the rest.

    Raises:
        BadRequest: a number is another one in either place.
    """
    method = asked.method.type if asked.method else "supervised"
    settings = getattr(asked.method, method, None)
    older, newer = _fixed(asked.hyperparameters), _fixed(settings and settings.hyperparameters)
    for name in older.keys() & newer.keys():
        if older[name] != newer[name]:
            both = f"{older[name]} in 'hyperparameters' and {newer[name]} in 'method.{method}.hyperparameters'"
            message = f"'{name}' is {both}; give it once ('method' is the newer way)."
            raise BadRequest(message, code="invalid_value", param=f"hyperparameters.{name}")
    return {**AUTO, **({} if method == "supervised" else {"beta": "auto"}), **older, **newer}


def _fixed(given: Hyperparameters | None) -> Record:
    fields = given.model_dump(exclude_none=True) if given else {}
    return {name: value for name, value in fields.items() if value != "auto"}


def _refuse_unsupported(asked: JobCreate) -> None:
    method = asked.method.type if asked.method else METHODS[0]
    if method not in METHODS:
        raise BadRequest(
            f"This engine trains by the methods 'supervised' and 'dpo'; '{method}' is not available here.",
            code="unsupported_value",
            param="method.type",
        )
    given = asked.method.model_dump(exclude_none=True) if asked.method else {}
    stray = next((name for name in given if name not in ("type", method)), None)
    if stray is not None:
        raise BadRequest(
            f"'method.{stray}' does nothing in a job whose method.type is '{method}'; give 'method.{method}' instead.",
            code="invalid_value",
            param=f"method.{stray}",
        )


def _no_such_job(job_id: str) -> NotFound:
    return NotFound(f"Could not find fine tune: {job_id}", param="fine_tune_id", code="fine_tune_not_found")


def _no_adapter(model: str) -> BadRequest:
    return BadRequest(
        f"The adapter of {model} is missing on the server's disk, so that it cannot be trained further. "
        "Train from its base model, or restore DATA_DIR from a backup.",
        code="model_not_available",
        param="model",
    )
