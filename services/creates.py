"""Starts a job upstream once: a create is tagged in its metadata, and looked up by that when no answer settles it."""

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from services.client import Upstream, body_of, entity_of, rows_of
from services.deadlines import within
from services.failures import MARK, is_ambiguous
from wire.errors import ApiError, UpstreamTimeout

log = logging.getLogger("tune9527")

TAG = "tune9527_"
REQUEST, KEY = f"{TAG}request", f"{TAG}idempotency_key"
# What a caller says who has seen to it that an earlier call started nothing.
CONFIRM_NEW = "X-Confirm-New-Job"
# Seconds before each look for a job whose creation was not answered: a minute in all.
LOOKS = (0.0, 2.0, 8.0, 20.0, 30.0)
LOOK_TIMEOUT = 15.0
# An engine of ours lists what it has as soon as it has it: after so many looks there is none, and asking again is safe.
_ENGINE_LOOKS = 2
_ENGINE_ATTEMPTS = 3
# How far back an upstream is searched that does not filter by metadata.
_KEPT_SECONDS = 25 * 3600
_MOST_PAGES = 1000
_ENDED = ("succeeded", "failed", "cancelled")


class Page(NamedTuple):
    """Some jobs, and whether they are those of an engine of ours."""

    jobs: list[dict[str, Any]]
    by_engine: bool


class NeedsAttention(UpstreamTimeout):
    """504: it is not known whether the upstream has started a job, and a person has to find out."""


class Creates:
    """Creates of jobs, and what became of them; it makes up no rule of whose or how many."""

    def __init__(
        self,
        upstream: Upstream,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._upstream = upstream
        self._sleep = sleep
        self._now = now

    def send(self, body: dict[str, Any], metadata: dict[str, str]) -> tuple[dict[str, Any], bool]:
        """Start one job, and return it and whether it was found instead of answered; `metadata` is its own and ours.

        Raises:
            NeedsAttention: 504 needs_attention, no answer and no such job.
            ApiError: what the upstream said, and nothing was started.
        """
        tag, key = metadata.get(REQUEST) or uuid.uuid4().hex, metadata.get(KEY, "")
        mark, asked = (KEY, key) if key else (REQUEST, tag), body | {"metadata": metadata | {REQUEST: tag}}
        for attempt in range(_ENGINE_ATTEMPTS):
            try:
                job = self._post(asked)
            except ApiError as error:
                if not is_ambiguous(error):
                    raise
                failure = error
            else:
                return self._alone(job, *mark) if key or attempt else (job, False)
            if found := self._look_for(mark, failure):
                return self.adopt(found), True
        raise failure

    def find(self, name: str, value: str) -> list[dict[str, Any]]:
        """Return the jobs with this metadata, oldest first; of an upstream that does not filter, those of a day."""
        return self._find(name, value)[0]

    def adopt(self, jobs: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the first of several jobs that one call started, and cancel the others."""
        first, *others = jobs
        for job in (one for one in others if one.get("status") not in _ENDED):
            log.warning("one call started %s and %s; the second is cancelled", first["id"], job["id"])
            try:
                with self._upstream.call() as client:
                    client.fine_tuning.jobs.with_raw_response.cancel(job["id"])
            except ApiError as failure:
                log.error("%s could not be cancelled, do it yourself: %s", job["id"], failure.message)
        return first

    def pages(self, **query: Any) -> Iterator[Page]:
        """Yield the upstream's jobs, newest first."""
        for _ in range(_MOST_PAGES):
            with self._upstream.call() as client:
                answer = client.fine_tuning.jobs.with_raw_response.list(limit=100, **query).http_response
                body = body_of(answer)
            yield (page := Page(rows_of(body, "jobs"), MARK in answer.headers))
            if not (page.jobs and body.get("has_more")):
                return
            query["after"] = page.jobs[-1]["id"]

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        with self._upstream.call() as client:
            create = client.fine_tuning.jobs.with_raw_response.create
            answer = create(model=body["model"], training_file=body["training_file"], extra_body=body)
            return entity_of(answer.http_response)

    def _alone(self, job: dict[str, Any], name: str, value: str) -> tuple[dict[str, Any], bool]:
        """The job, or the one that an earlier attempt or another service has started for the same call."""
        try:
            listed = {one["id"]: one for one in self.find(name, value)}
        except ApiError as failure:
            log.warning("whether %s is the only job of its call is not known: %s", job["id"], failure.message)
            return job, False
        first = self.adopt(sorted({**listed, job["id"]: job}.values(), key=created_at))
        return first, first is not job

    def _look_for(self, mark: tuple[str, str], failure: ApiError) -> list[dict[str, Any]]:
        """The jobs of the call; none where an engine of ours has none, so that asking again is safe."""
        seen, looks_of_engine = "the upstream could not be asked", 0
        for pause in LOOKS:
            self._sleep(pause)
            try:
                jobs, by_engine = self._find(*mark)
            except ApiError:
                continue
            looks_of_engine += by_engine
            if jobs or looks_of_engine == _ENGINE_LOOKS:
                return jobs
            seen = "no such job is listed so far"
        why = f"{failure.message.rstrip('.')}. It is not known whether a job was started: {seen}."
        raise unknown(why, *mark)

    def _find(self, name: str, value: str) -> tuple[list[dict[str, Any]], bool]:
        """The jobs with this metadata, oldest first, and whether an engine of ours says so."""
        found, since = list[dict[str, Any]](), self._now() - _KEPT_SECONDS
        with within(LOOK_TIMEOUT):
            for page in self.pages(metadata={name: value}):
                found += (job for job in page.jobs if tags_of(job).get(name) == value)
                if page.jobs and created_at(page.jobs[-1]) < since:
                    break
        found.reverse()  # within a second the list's own order counts: two services must keep the same job of two
        return sorted(found, key=created_at), page.by_engine


def unknown(why: str, name: str, value: str) -> NeedsAttention:
    """Say that it is not known whether a job was started, what metadata it would have, and how to go on."""
    look = f"Before you try again, look for a job whose metadata has {name}={value} in GET /jobs"
    again = (
        f"; a repeated call with the same Idempotency-Key looks again, and starts none unless {CONFIRM_NEW}: true "
        "says that there is none"
    )
    message = f"{why} {look}{again if name == KEY else ''}."
    return NeedsAttention(message, code="needs_attention")


def tags_of(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job's metadata, empty if it has none or something else there."""
    metadata = job.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def created_at(job: dict[str, Any]) -> float:
    """Return when a job was created in unix seconds, 0 if that is not told."""
    told = job.get("created_at")
    return told if isinstance(told, int | float) else 0.0
