"""Who started what today: the upstream's jobs by their tags, and what this process started that it does not list so."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from services.budget import Budget
from services.creates import REQUEST, Creates, NeedsAttention, created_at, tags_of
from services.locks import KeyLocks
from services.makers import OWNER
from wire.errors import ApiError, Unavailable

# Starts of one owner, which come one after another: at once in all, and seconds for which one waits for the others.
LINE = 8
PATIENCE = 10.0


@dataclass
class Start:
    """One create; `tags` go into its metadata. An upstream may drop them, so its answer's `job_id` is kept too."""

    request: str
    tokens: int
    at: float
    tags: dict[str, str]
    job_id: str = ""


class Ledger:
    """Counts by `budget`; what it keeps itself is in memory, and of today."""

    def __init__(self, budget: Budget, creates: Creates, patience: float = PATIENCE) -> None:
        self.budget = budget
        self._creates = creates
        self._patience = patience
        self._locks = KeyLocks()
        self._started: dict[str, list[Start]] = {}

    @contextmanager
    def starting(self, owner: str, tokens: int, *, confirmed: bool) -> Iterator[Start]:
        """Let one job of about `tokens` be started, if the day has room for it or it is `confirmed`.

        It counts unless the block raises what says that none was started.

        Raises:
            ApiError: 429 budget_exceeded; 503 server_is_overloaded, too many starts of this owner wait.
        """
        message = "Other jobs of the same key are being started; try again in a moment."
        busy = Unavailable(message, code="server_is_overloaded", headers={"Retry-After": "1"})
        with self._locks.hold(owner, busy, line=LINE, seconds=self._patience):
            if not confirmed:
                self.budget.require(self._today(owner), tokens)
            request = uuid.uuid4().hex
            counted = {self.budget.tag: str(tokens)} if self.budget.tokens else {}
            start = Start(request, tokens, self.budget.now(), {REQUEST: request} | counted)
            self._started.setdefault(owner, []).append(start)
            try:
                yield start
            except NeedsAttention:
                raise
            except ApiError:
                self._started[owner].remove(start)
                raise

    def _today(self, owner: str) -> Iterator[dict[str, Any]]:
        """The owner's jobs since midnight, UTC, newest first; those that are not listed as they were asked for."""
        ours = self._started[owner] = [one for one in self._started.get(owner, []) if one.at >= self.budget.since]
        unseen = {one.job_id or one.request: one for one in ours}
        for job in self._listed_today():
            tags = tags_of(job)
            start = unseen.pop(job["id"], None) or unseen.pop(str(tags.get(REQUEST)), None)
            if start:
                yield job | {"metadata": tags | self._estimate(start)}
            elif REQUEST in tags and tags.get(OWNER, "") == owner:
                yield job
        yield from ({"metadata": self._estimate(one)} for one in unseen.values())

    def _listed_today(self) -> Iterator[dict[str, Any]]:
        for page in self._creates.pages():
            fresh = [job for job in page.jobs if created_at(job) >= self.budget.since]
            yield from fresh
            if len(fresh) < len(page.jobs):
                return

    def _estimate(self, start: Start) -> dict[str, str]:
        return {self.budget.tag: str(start.tokens)}
