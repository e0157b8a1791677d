"""How a job ends: published or failed, and what is put away behind it. When it ends is the worker's matter."""

import contextlib
from functools import partial
from pathlib import Path

from engine import lifecycle, publication, remains
from engine.jobs import event
from engine.parts import Parts
from engine.store import EVENTS, FILES, JOBS, MODELS, Claim, Record, StoreError
from wire.ids import model_name

_NO_ESTIMATE = {"estimated_finish": None}


class Endings:
    """The last moves of claimed jobs, in `data_dir`; models are named after `base_in_names`, else their own base."""

    def __init__(self, parts: Parts, data_dir: Path, organization: str, base_in_names: str) -> None:
        self._parts = parts
        self._data_dir = data_dir
        self._organization = organization
        self._base_in_names = base_in_names
        self._unseen: dict[str, Record] = {}

    def publish(self, claim: Claim, result: Record, proven: str, now: int) -> None:
        """Let a trained job's models, its `result` file and its last events be seen, all at once.

        Nothing of them is if the job is no longer running, as when it was cancelled or paused meanwhile. Whoever calls
        this calls `put_away` too, but for one who tries it again, as when the database was away.
        """
        job, folder = claim.job, self._parts.jobs.folder(claim.job_id)
        name_of = partial(model_name, self._base_in_names or job["base"], self._organization, job["suffix"])
        models = publication.model_rows(job, folder, result, name_of, now)
        csv = self._result_file(claim.job_id, now)
        also = {EVENTS: publication.last_events(models, proven, result, now), MODELS: models, FILES: [csv]}
        values = {name: result[name] for name in ("hyperparameters", "trained_tokens")} | _NO_ESTIMATE
        values |= {"fine_tuned_model": models[-1]["id"], "result_file": csv["id"], "finished_at": now}
        claim.move(lifecycle.SUCCEEDED, lifecycle.may_become(lifecycle.SUCCEEDED), also, **values)

    def fail(self, claim: Claim, code: str, message: str, now: int, param: str | None = None) -> None:
        """Move a job to failed, unless it has ended otherwise meanwhile, with an error in OpenAI's form."""
        error, folder = {"code": code, "message": message, "param": param}, self._parts.jobs.folder(claim.job_id)
        said = {EVENTS: [event(claim.job_id, now, message, level="error")]}
        before = lifecycle.may_become(lifecycle.FAILED)
        job = self._parts.store.one(JOBS, id=claim.job_id) if code == "disk_full" else None
        if job and job["status"] in before and job["fence"] == claim.fence:  # the database needs the room
            remains.remove(folder.glob("checkpoints/*"))
        claim.move(lifecycle.FAILED, before, said, error=error, finished_at=now, **_NO_ESTIMATE)
        self.put_away(claim.job_id)

    def put_away(self, job_id: str) -> None:
        """Remove what an ended job need not keep, whoever ended it; to be called once nobody works on it any more."""
        store = self._parts.store
        with contextlib.suppress(StoreError):  # it is away; the next start puts everything in order
            job, csv = store.one(JOBS, id=job_id), self._unseen.pop(job_id, None)
            if csv and not (job and job["result_file"] == csv["id"]):
                self._parts.files.discard(csv)
            if job and job["status"] in lifecycle.TERMINAL:
                published = [self._data_dir / model["adapter"] for model in store.newest(MODELS, None, job_id=job_id)]
                remains.clear(self._parts.jobs.folder(job_id), published)

    def _result_file(self, job_id: str, now: int) -> Record:
        """Return the row of the result file, the same one again: a move that was broken off may have made it seen."""
        if job_id not in self._unseen:
            metrics = self._parts.jobs.folder(job_id) / "metrics.csv"
            self._unseen[job_id] = self._parts.files.prepare_result(metrics, "step_metrics.csv", now)
        return self._unseen[job_id]
