"""Starts and follows fine-tuning jobs: whose they are, how many a day, and that one key starts one alone."""

import copy
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from services import models
from services.budget import NO_BUDGET, Budget, tokens_to_train
from services.client import Upstream, body_of, entity_of, pick, rows_of
from services.creates import KEY, TAG, Creates, NeedsAttention, tags_of, unknown
from services.failures import is_unserved
from services.ledger import Ledger
from services.locks import KeyLocks
from services.makers import OWNER, Makers, is_named_as_tuned, maker_of
from services.wanted import method_hyperparameters, refuse_contradictions
from wire.errors import ApiError, NotFound
from wire.idempotency import hash_of, in_progress, key_reused, refuse_bad_key
from wire.ids import is_no_id, made_up_suffix
from wire.requests import JobCreate

if TYPE_CHECKING:
    from openai import OpenAI

BODY = f"{TAG}body"
JOB_FIELD = "fine_tuning_job_id"
# The wire's 16 pairs less our four.
MAX_METADATA = 12
# What OpenAI and our engine answer to each create.
FIRST_STATUS = "validating_files"
# Keys of which is known what was answered; what is forgotten, or by a restart, the upstream's list has by then.
_MOST_TOLD = 10_000


@dataclass(frozen=True)
class Created:
    """A job, the suffix it was asked for with, and whether an earlier call with the same key started it."""

    job: dict[str, Any]
    suffix: str
    replayed: bool = False

    def reply(self) -> dict[str, Any]:
        """Return the documented reply."""
        return pick(self.job, "id", "model", "organization_id", "status", "training_file") | {"suffix": self.suffix}


class FineTuning:
    """The upstream's fine-tuning jobs; whose they are stands in their metadata there."""

    def __init__(
        self,
        upstream: Upstream,
        today: Callable[[], date] = date.today,
        sleep: Callable[[float], None] = time.sleep,
        budget: Budget = NO_BUDGET,
    ) -> None:
        self._upstream = upstream
        self._today = today
        self._creates = Creates(upstream, sleep)
        self._makers = Makers(self._creates.pages)
        self._keys = KeyLocks()
        self._told: dict[str, dict[str, Any]] = {}  # the job by its key, {} where that is open
        self._ledger = Ledger(budget, self._creates)
        self._require: Callable[[JobCreate], None] = lambda _: None
        self._owner, self._confirmed = "", False

    def acting_for(self, owner: str) -> Self:
        """Return the jobs of one owner; the locks are shared."""
        theirs = copy.copy(self)
        theirs._owner = owner
        return theirs

    def requiring(self, require: Callable[[JobCreate], None]) -> Self:
        """Return the same, which starts no job that `require` refuses; a replay starts none, so it is not asked."""
        theirs = copy.copy(self)
        theirs._require = require
        return theirs

    def confirmed(self) -> Self:
        """Return the same, which starts jobs over the day's budget too."""
        theirs = copy.copy(self)
        theirs._confirmed = True
        return theirs

    def create(self, wanted: JobCreate, idempotency_key: str | None = None, *, surely_new: bool = False) -> Created:
        """Start a job, or return the one that an earlier call with the same key started.

        `surely_new`: the caller has made sure that an earlier call with the key, which was left open, started none.

        Raises:
            BadRequest: 400, the request contradicts itself or the key is none.
            NeedsAttention: 504 needs_attention, it is not known whether a job was started.
            ApiError: 409 idempotency_in_progress; 422 idempotency_key_reused; 429 budget_exceeded; else what the
                upstream said, or 502, 503 or 504 of one that was not asked to start anything.
        """
        refuse_contradictions(wanted, MAX_METADATA - bool(self._ledger.budget.tokens))
        if idempotency_key is None:
            return self._start(wanted, wanted.suffix or made_up_suffix(), {})
        refuse_bad_key(idempotency_key)
        if self._owner:  # two owners may think of the same key
            idempotency_key = f"{self._owner}:{idempotency_key}"
        # The same key makes up the same suffix, so that the replay's is the first reply's.
        suffix = wanted.suffix or made_up_suffix(random.Random(idempotency_key))  # noqa: S311
        tags, busy = {KEY: idempotency_key, BODY: hash_of(wanted)}, in_progress()
        try:
            with self._keys.hold(idempotency_key, busy):
                return self._replay(suffix, tags) or self._once(wanted, suffix, tags, surely_new)
        except ApiError as failure:
            if failure is busy and (replay := self._replay(suffix, tags)):
                return replay
            raise

    def _replay(self, suffix: str, tags: dict[str, str]) -> Created | None:
        """The job of an earlier call with the same key and body, if one was told or the upstream lists one."""
        key, earlier = tags[KEY], self._creates.find(KEY, tags[KEY])
        if told := self._told.get(key):
            earlier = [told, *(job for job in earlier if job["id"] != told["id"])]
        if any(tags_of(job).get(BODY) != tags[BODY] for job in earlier):
            raise key_reused()
        if not earlier:
            return None
        job = self._creates.adopt(earlier)
        return Created(told or self._remember(tags, _as_created(job)), suffix, replayed=True)

    def _once(self, wanted: JobCreate, suffix: str, tags: dict[str, str], surely_new: bool) -> Created:
        key = tags[KEY]
        if key in self._told and not surely_new:
            raise unknown("An earlier call with this Idempotency-Key was left open; no job of it is listed.", KEY, key)
        try:
            created = self._start(wanted, suffix, tags)
        except NeedsAttention:
            self._remember(tags, {})
            raise
        self._remember(tags, created.job)
        return created

    def _remember(self, tags: dict[str, str], job: dict[str, Any]) -> dict[str, Any]:
        """Keep what a key's caller was told, if it was a job; return that."""
        self._told[tags[KEY]] = job and job | {"metadata": tags_of(job) | tags}
        if len(self._told) > _MOST_TOLD:
            self._told.pop(next(iter(self._told)), None)
        return job

    def retrieve(self, job_id: str) -> dict[str, Any]:
        """Return one job as it stands upstream; somebody else's is not found."""
        with self._about(job_id) as client:
            job = entity_of(client.fine_tuning.jobs.with_raw_response.retrieve(job_id).http_response)
        if not self._is_theirs(job):
            raise _no_such_job(job_id)
        return job

    def page(self, query: dict[str, Any]) -> dict[str, Any]:
        """Return one page of jobs, newest first; `query` may hold `after` and `limit`."""
        wanted = query | {"metadata": {OWNER: self._owner}} if self._owner else query
        with self._upstream.call() as client:
            page = body_of(client.fine_tuning.jobs.with_raw_response.list(**wanted).http_response)
        if self._owner:  # an upstream may not know the filter
            page["data"] = [job for job in rows_of(page, "jobs") if self._is_theirs(job)]
        return page

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield every job, newest first, page by page as they are asked for; none where an upstream has no jobs."""
        filtered = {"metadata": {OWNER: self._owner}} if self._owner else {}
        served = False
        try:
            for page in self._creates.pages(**filtered):
                served = True
                yield from (job for job in page.jobs if self._is_theirs(job))
        except ApiError as failure:
            if served or not is_unserved(failure):
                raise

    def result_files(self) -> set[str]:
        """Return the ids of the result files of every job."""
        return {file_id for job in self.all() for file_id in result_files_of(job)}

    def require_model(self, model: str) -> None:
        """Refuse somebody else's fine-tuned model, or a checkpoint of it, as one that does not exist."""
        if self._owner and not self._may_use(model):
            raise NotFound(f"The model `{model}` does not exist.", code="model_not_found", param="model")

    def is_anothers(self, model: str) -> bool:
        """Whether somebody else's job made a model whose name does not say that one did."""
        if not self._owner or not model or self._upstream.address.is_openai:
            return False
        return self._makers.owner_of(model) not in (None, self._owner)

    def made(self, model: str) -> bool:
        """Whether one's own job made a model or a checkpoint."""
        return maker_of(model, self.all(), self.last_checkpoints) is not None

    def _may_use(self, model: str) -> bool:
        return self.made(model) if is_named_as_tuned(model) else not self.is_anothers(model)

    def events(self, job_id: str, query: dict[str, Any]) -> dict[str, Any]:
        """Return one page of a job's events, newest first."""
        self._require_theirs(job_id)
        with self._about(job_id) as client:
            return body_of(client.fine_tuning.jobs.with_raw_response.list_events(job_id, **query).http_response)

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job and return it."""
        self._require_theirs(job_id)
        with self._about(job_id) as client:
            return entity_of(client.fine_tuning.jobs.with_raw_response.cancel(job_id).http_response)

    def last_checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """Return the checkpoints of one's own job, as many as are kept."""
        with self._about(job_id) as client:
            checkpoints = client.fine_tuning.jobs.checkpoints.with_raw_response
            return rows_of(body_of(checkpoints.list(job_id, limit=100).http_response), "checkpoints")

    def _require_theirs(self, job_id: str) -> None:
        if self._owner:
            self.retrieve(job_id)

    def _is_theirs(self, job: dict[str, Any]) -> bool:
        return not self._owner or tags_of(job).get(OWNER) == self._owner

    @contextmanager
    def _about(self, job_id: str) -> "Iterator[OpenAI]":
        """Ask about one job; a refusal calls its id what our own calls call it."""
        _refuse_bad_id(job_id)
        try:
            with self._upstream.call() as client:
                yield client
        except ApiError as failure:
            raise replace(failure, param=JOB_FIELD) if failure.param == "fine_tune_id" else failure from None

    def _start(self, wanted: JobCreate, suffix: str, tags: dict[str, str]) -> Created:
        """Start a job that the day's budget has room for; without a budget nobody is asked and nobody waits."""
        self._require(wanted)
        if not self._ledger.budget:
            return self._send(wanted, suffix, tags)
        tokens = self._tokens_of(wanted) if self._ledger.budget.tokens else 0
        with self._ledger.starting(self._owner, tokens, confirmed=self._confirmed) as start:
            created = self._send(wanted, suffix, tags | start.tags)
            start.job_id = created.job["id"]
        return created

    def _tokens_of(self, wanted: JobCreate) -> int:
        """About how many tokens the job would train, by the size of its file."""
        with self._upstream.call() as client:
            file = body_of(client.files.with_raw_response.retrieve(wanted.training_file).http_response)
        given = method_hyperparameters(wanted) or {}
        plain = wanted.hyperparameters.n_epochs if wanted.hyperparameters else None
        size = file.get("bytes")
        return tokens_to_train(size if isinstance(size, int) else 0, given.get("n_epochs", plain))

    def _send(self, wanted: JobCreate, suffix: str, tags: dict[str, str]) -> Created:
        metadata = (wanted.metadata or {}) | tags | ({OWNER: self._owner} if self._owner else {})
        fields = wanted.model_dump(exclude_none=True, exclude_unset=True)
        try:
            job, found = self._creates.send(fields | {"model": wanted.model, "suffix": suffix}, metadata)
        except NeedsAttention:
            raise
        except ApiError as failure:
            raise models.explain(failure, wanted.model, self._today()) from None
        return Created(_as_created(job) if found else job, suffix)


def _as_created(job: dict[str, Any]) -> dict[str, Any]:
    """The job as its create was answered, so that a replay is the first reply byte for byte."""
    return job | {"status": FIRST_STATUS}


def result_files_of(job: dict[str, Any]) -> list[str]:
    """Return the ids of a job's result files, of which it has none until it has trained."""
    told = job.get("result_files")
    return [one for one in told if isinstance(one, str)] if isinstance(told, list) else []


def _refuse_bad_id(job_id: str) -> None:
    if is_no_id(job_id):
        raise _no_such_job(job_id)


def _no_such_job(job_id: str) -> NotFound:
    return NotFound(f"Could not find fine tune: {job_id}", code="fine_tune_not_found", param=JOB_FIELD)
