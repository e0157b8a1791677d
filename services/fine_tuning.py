"""Starts and follows fine-tuning jobs; a create is sent once, tagged, and looked up by its tag when no answer came."""

import copy
import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from services import models
from services.budget import NO_BUDGET, Budget, tokens_to_train
from services.client import Upstream, body_of, pick
from services.failures import is_ambiguous, nonsense
from services.locks import KeyLocks
from wire.errors import ApiError, BadRequest, NotFound
from wire.ids import made_up_suffix
from wire.requests import JobCreate

if TYPE_CHECKING:
    from openai import OpenAI

TAG = "tune9527_"
REQUEST, KEY, BODY, OWNER = f"{TAG}request", f"{TAG}idempotency_key", f"{TAG}body", f"{TAG}owner"
JOB_FIELD = "fine_tuning_job_id"
# The wire's 16 pairs less our four.
MAX_METADATA = 12
# Seconds before each look for a job whose creation was not answered.
LOOKS = (0.0, 2.0)
LOOK_TIMEOUT = 15.0


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
        self._sleep = sleep
        self._keys = KeyLocks()
        self._budget = budget
        self._owner, self._confirmed = "", False

    def acting_for(self, owner: str) -> Self:
        """Return the jobs of one owner; the locks are shared."""
        theirs = copy.copy(self)
        theirs._owner = owner
        return theirs

    def confirmed(self) -> Self:
        """Return the same, which starts jobs over the day's budget too."""
        theirs = copy.copy(self)
        theirs._confirmed = True
        return theirs

    def create(self, wanted: JobCreate, idempotency_key: str | None = None) -> Created:
        """Start a job, or return the one that an earlier call with the same key started.

        Raises:
            BadRequest: 400, the request contradicts itself or the key is none.
            ApiError: 422 idempotency_key_reused; 429 budget_exceeded; else what the upstream said, or 502 or 504 that
                tell how to find out.
        """
        _refuse_contradictions(wanted, MAX_METADATA - bool(self._budget.tokens))
        if idempotency_key is None:
            return self._start(wanted, wanted.suffix or made_up_suffix(), {})
        _refuse_bad_key(idempotency_key)
        if self._owner:  # two owners may think of the same key
            idempotency_key = f"{self._owner}:{idempotency_key}"
        # The same key makes up the same suffix, so that the replay's is the first reply's.
        suffix = wanted.suffix or made_up_suffix(random.Random(idempotency_key))  # noqa: S311
        body_hash = _hash(wanted)
        with self._keys.hold(idempotency_key):
            earlier = self._find(KEY, idempotency_key)
            if earlier is None:
                return self._start(wanted, suffix, {KEY: idempotency_key, BODY: body_hash})
            if earlier["metadata"].get(BODY) != body_hash:
                message = "This Idempotency-Key was used with another body; use a new key for a new job."
                raise ApiError(message, code="idempotency_key_reused", status=422)
            return Created(earlier, suffix, replayed=True)

    def retrieve(self, job_id: str) -> dict[str, Any]:
        """Return one job as it stands upstream; somebody else's is not found."""
        with self._about(job_id) as client:
            job = body_of(client.fine_tuning.jobs.with_raw_response.retrieve(job_id).http_response)
        if not self._is_theirs(job):
            raise _no_such_job(job_id)
        return job

    def page(self, query: dict[str, Any]) -> dict[str, Any]:
        """Return one page of jobs, newest first; `query` may hold `after` and `limit`."""
        wanted = query | {"metadata": {OWNER: self._owner}} if self._owner else query
        with self._upstream.call() as client:
            page = body_of(client.fine_tuning.jobs.with_raw_response.list(**wanted).http_response)
        if self._owner:  # an upstream may not know the filter
            page["data"] = [job for job in _rows(page) if self._is_theirs(job)]
        return page

    def require_model(self, model: str) -> None:
        """Refuse somebody else's fine-tuned model, or a checkpoint of it, as one that does not exist."""
        if not self._owner or not model.startswith("ft:"):
            return
        whole, after = model.partition(":ckpt-step-")[0], dict[str, Any]()
        while True:
            page = self.page({"limit": 100, **after})
            jobs = _rows(page)
            if any(job.get("fine_tuned_model") == whole for job in jobs):
                return
            if not (jobs and page.get("has_more")):
                raise NotFound(f"The model `{model}` does not exist.", code="model_not_found", param="model")
            after = {"after": jobs[-1]["id"]}

    def events(self, job_id: str, query: dict[str, Any]) -> dict[str, Any]:
        """Return one page of a job's events, newest first."""
        self._require_theirs(job_id)
        with self._about(job_id) as client:
            return body_of(client.fine_tuning.jobs.with_raw_response.list_events(job_id, **query).http_response)

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job and return it."""
        self._require_theirs(job_id)
        with self._about(job_id) as client:
            return body_of(client.fine_tuning.jobs.with_raw_response.cancel(job_id).http_response)

    def _require_theirs(self, job_id: str) -> None:
        if self._owner:
            self.retrieve(job_id)

    def _is_theirs(self, job: dict[str, Any]) -> bool:
        return not self._owner or (job.get("metadata") or {}).get(OWNER) == self._owner

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
        if not self._budget:
            return self._send(wanted, suffix, tags)
        tokens = self._tokens_of(wanted) if self._budget.tokens else 0
        counted = {self._budget.tag: str(tokens)} if self._budget.tokens else {}
        with self._keys.hold(f"budget of {self._owner}"):  # a space: no idempotency key is called that
            if not self._confirmed:
                self._budget.require(self._today_by_owner(), tokens)
            return self._send(wanted, suffix, tags | counted)

    def _tokens_of(self, wanted: JobCreate) -> int:
        """About how many tokens the job would train, by the size of its file."""
        with self._upstream.call() as client:
            file = body_of(client.files.with_raw_response.retrieve(wanted.training_file).http_response)
        given = _method_hyperparameters(wanted) or {}
        plain = wanted.hyperparameters.n_epochs if wanted.hyperparameters else None
        return tokens_to_train(int(file.get("bytes") or 0), given.get("n_epochs", plain))

    def _today_by_owner(self) -> Iterator[dict[str, Any]]:
        """The jobs that were started here for the same owner since midnight, UTC; newest first."""
        after: dict[str, Any] = {}
        while True:
            with self._upstream.call() as client:
                page = body_of(client.fine_tuning.jobs.with_raw_response.list(limit=100, **after).http_response)
            rows = _rows(page)
            fresh = [job for job in rows if int(job.get("created_at") or 0) >= self._budget.since]
            tagged = ((job, job.get("metadata") or {}) for job in fresh)
            yield from (job for job, tags in tagged if REQUEST in tags and tags.get(OWNER, "") == self._owner)
            if len(fresh) < len(rows) or not (rows and page.get("has_more")):
                return
            after = {"after": rows[-1]["id"]}

    def _send(self, wanted: JobCreate, suffix: str, tags: dict[str, str]) -> Created:
        """Send exactly one create; after an answer that leaves it open, look for the job."""
        tag = uuid.uuid4().hex
        fields = wanted.model_dump(exclude_none=True, exclude_unset=True)
        metadata = (wanted.metadata or {}) | tags | {REQUEST: tag}
        if self._owner:
            metadata[OWNER] = self._owner
        try:
            with self._upstream.call() as client:
                answer = client.fine_tuning.jobs.with_raw_response.create(
                    model=wanted.model,
                    training_file=wanted.training_file,
                    extra_body=fields | {"model": wanted.model, "suffix": suffix, "metadata": metadata},
                )
            created = Created(body_of(answer.http_response), suffix)
            created.reply()
        except ApiError as failure:
            if not is_ambiguous(failure):
                raise models.explain(failure, wanted.model, self._today()) from None
            return Created(self._look_for(tag, failure, keyed=KEY in tags), suffix)
        return created

    def _look_for(self, tag: str, failure: ApiError, *, keyed: bool) -> dict[str, Any]:
        """Return the job with this tag, or raise the failure with a word on what is not known and how to find out."""
        seen = "the upstream could not be asked"
        for pause in LOOKS:
            self._sleep(pause)
            try:
                job = self._find(REQUEST, tag)
            except ApiError:
                continue
            if job is not None:
                return job
            seen = "no such job is listed so far"
        repeated = "; a repeated call with the same Idempotency-Key never starts a second" if keyed else ""
        unknown = (
            f"It is not known whether a job was started: {seen}. Before you try again, look for a job whose metadata "
            f"has {REQUEST}={tag} in GET /jobs{repeated}."
        )
        raise replace(failure, message=f"{failure.message} {unknown}")

    def _find(self, name: str, value: str) -> dict[str, Any] | None:
        """Return the newest job with this metadata; an upstream that cannot filter shows us its last hundred."""
        patience = min(LOOK_TIMEOUT, self._upstream.address.read)
        with self._upstream.call() as client:
            jobs = client.fine_tuning.jobs.with_raw_response
            answer = jobs.list(limit=100, metadata={name: value}, timeout=patience)
        rows = _rows(body_of(answer.http_response))
        return next((job for job in rows if (job.get("metadata") or {}).get(name) == value), None)


def _refuse_bad_id(job_id: str) -> None:
    """The SDK will not put these into a path, or they would lead elsewhere; no job has them."""
    if job_id in (".", "..") or "/" in job_id:
        raise _no_such_job(job_id)


def _no_such_job(job_id: str) -> NotFound:
    return NotFound(f"Could not find fine tune: {job_id}", code="fine_tune_not_found", param=JOB_FIELD)


def _rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The jobs of a page; raises 502 upstream_invalid if it has none."""
    rows = page.get("data")
    if not isinstance(rows, list) or not all(isinstance(job, dict) for job in rows):
        raise nonsense("its list of jobs has no data")
    return rows


def _refuse_bad_key(key: str) -> None:
    if not (1 <= len(key) <= 255 and all("!" <= letter <= "~" for letter in key)):
        message = "An Idempotency-Key has 1 to 255 visible ASCII characters, such as a UUID."
        raise BadRequest(message, code="invalid_idempotency_key", param="Idempotency-Key")


def _refuse_contradictions(wanted: JobCreate, most: int) -> None:
    """Refuse two different sets of hyperparameters, and metadata that leaves our tags no room or takes their names."""
    inner = _method_hyperparameters(wanted)
    if wanted.hyperparameters is not None and inner not in (None, wanted.hyperparameters.model_dump(exclude_none=True)):
        message = "'hyperparameters' and those inside 'method' differ; give one of them ('method' is the newer way)."
        raise BadRequest(message, code="invalid_value", param="hyperparameters")
    metadata = wanted.metadata or {}
    if len(metadata) > most:
        message = f"'metadata' has {len(metadata)} pairs; at most {most} are yours, the others are the service's."
        raise BadRequest(message, code="invalid_value", param="metadata")
    taken = [name for name in metadata if name.startswith(TAG)]
    if taken:
        message = f"'{taken[0]}': names that begin with {TAG} are the service's own."
        raise BadRequest(message, code="invalid_value", param=f"metadata.{taken[0]}")


def _method_hyperparameters(wanted: JobCreate) -> dict[str, Any] | None:
    method = wanted.method.model_dump(exclude_none=True) if wanted.method else {}
    found: dict[str, Any] | None = method.get(method.get("type", ""), {}).get("hyperparameters")
    return found


def _hash(wanted: JobCreate) -> str:
    canonical = json.dumps(wanted.model_dump(exclude_none=True), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
