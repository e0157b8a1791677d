"""Jobs once they are started: pause, resume, checkpoints, its curve, its new events."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Self

from services import curves
from services.client import Upstream, body_of, entity_of
from services.failures import expecting
from services.files import Files
from services.fine_tuning import FineTuning, result_files_of
from services.streams import Places, Streams
from wire import sse
from wire.errors import ApiError
from wire.waiting import Pieces

ENDED = frozenset({"succeeded", "failed", "cancelled"})
# Seconds between two looks for new events.
PAUSE = 1.0
_PAGE = 100
# Milliseconds after which a browser connects again, behind the last event it has.
_RETRY = b"retry: 2000\n\n"


class Jobs:
    """Jobs of one owner, as `known` tells whose they are; `streams` bounds how many are followed at once."""

    def __init__(
        self,
        upstream: Upstream,
        known: FineTuning,
        files: Files,
        streams: Streams,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._upstream = upstream
        self._known = known
        self._files = files
        self._streams = streams
        # Pages that are left open must leave places for answers.
        self._places = Places(max(1, streams.most // 2))
        self._sleep = sleep

    def acting_for(self, known: FineTuning, files: Files) -> Self:
        """Return the jobs of another owner; the places are shared."""
        theirs = type(self)(self._upstream, known, files, self._streams, self._sleep)
        theirs._places = self._places
        return theirs

    def pause(self, job_id: str) -> dict[str, Any]:
        """Keep a job from going on, and return it; `resume` lets it."""
        self._known.retrieve(job_id)
        with expecting("pause jobs"), self._upstream.call() as client:
            return entity_of(client.fine_tuning.jobs.with_raw_response.pause(job_id).http_response)

    def resume(self, job_id: str) -> dict[str, Any]:
        """Let a paused job go on, and return it."""
        self._known.retrieve(job_id)
        with expecting("resume jobs"), self._upstream.call() as client:
            return entity_of(client.fine_tuning.jobs.with_raw_response.resume(job_id).http_response)

    def checkpoints(self, job_id: str, query: dict[str, Any]) -> dict[str, Any]:
        """Return one page of a job's checkpoints, highest step first; `query` may hold `after` and `limit`."""
        self._known.retrieve(job_id)
        with expecting("keep checkpoints"), self._upstream.call() as client:
            checkpoints = client.fine_tuning.jobs.checkpoints.with_raw_response
            return body_of(checkpoints.list(job_id, **query).http_response)

    def curve(self, job_id: str) -> dict[str, Any]:
        """Return the figures of a job's steps: from its result file once it has one, before that from its events."""
        job = self._known.retrieve(job_id)
        for file_id in result_files_of(job):
            try:
                points = curves.of_result(self._files.result(file_id))
            except ApiError as failure:
                if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                continue  # deleted since, or not to be had: the events tell the same
            return {"job_id": job_id, "status": job.get("status"), "source": "result_file", "points": points}
        points = curves.of_events(self._newer(job_id, ""))
        return {"job_id": job_id, "status": job.get("status"), "source": "events", "points": points}

    def follow(self, job_id: str, last_id: str = "") -> Pieces:
        """Yield server-sent events: those of the job behind `last_id`, then new ones, until it has ended.

        An empty piece says that there is none yet. The last event is called `end` and tells how it ended.

        Raises, before the first piece:
            NotFound: 404 fine_tune_not_found.
            Unavailable: 503 too_many_streams, 503 server_stopping; the latter amidst too.
        """
        return self._streams.hold(self._places.hold(self._follow(job_id, last_id)))

    def _follow(self, job_id: str, last_id: str) -> Pieces:
        job = self._known.retrieve(job_id)
        yield _RETRY
        while True:
            for event in self._newer(job_id, last_id):
                last_id = str(event["id"])
                yield sse.event_with_id(last_id, event)
            if job.get("status") in ENDED:  # it was so before its events were read
                told = ("id", "status", "fine_tuned_model", "error")
                yield sse.named_event("end", {name: job.get(name) for name in told})
                return
            self._sleep(PAUSE)
            self._streams.refuse_if_stopping()
            yield b""
            job = self._known.retrieve(job_id)

    def _newer(self, job_id: str, last_id: str) -> list[dict[str, Any]]:
        """The events behind `last_id`, oldest first; all of them if there is no such event."""
        found: list[dict[str, Any]] = []
        for event in self._events(job_id):
            if event["id"] == last_id:
                break
            found.append(event)
        return found[::-1]

    def _events(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Every event, newest first, page by page as they are asked for."""
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            page = self._known.events(job_id, query)
            rows = [row for row in page.get("data") or [] if isinstance(row, dict) and isinstance(row.get("id"), str)]
            yield from rows
            if not (rows and page.get("has_more")):
                return
            query["after"] = rows[-1]["id"]
