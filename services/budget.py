"""What one key's holder may start in a day of UTC: so many jobs, so many tokens; the upstream's jobs are the ledger."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wire.errors import ApiError

CONFIRM = "X-Confirm-Over-Budget"
_DAY_SECONDS = 86_400
# A JSON line of chat, English or Chinese, has about as many bytes for a token.
_BYTES_PER_TOKEN = 4
_EPOCHS_OF_AUTO = 3


@dataclass(frozen=True)
class Budget:
    """`jobs` and `tokens` a day, 0 for as many as one likes; `tag` is the metadata that keeps a job's estimate."""

    jobs: int = 0
    tokens: int = 0
    tag: str = "tune9527_tokens"
    now: Callable[[], float] = time.time

    def __bool__(self) -> bool:
        return bool(self.jobs or self.tokens)

    @property
    def since(self) -> int:
        """The last midnight of UTC, in unix seconds."""
        return int(self.now()) // _DAY_SECONDS * _DAY_SECONDS

    def require(self, started: Iterable[dict[str, Any]], more_tokens: int) -> None:
        """Let one more job of about `more_tokens` through, beside those `started` since then.

        Raises:
            ApiError: 429 budget_exceeded; Retry-After says when the next day begins.
        """
        used_jobs, used_tokens = 0, 0
        for job in started:
            used_jobs += 1
            used_tokens += self._tokens_of(job)
        if self.jobs and used_jobs + 1 > self.jobs:
            raise self._exceeded(f"{used_jobs} of {self.jobs} jobs (DAILY_JOBS) were started today")
        if self.tokens and used_tokens + more_tokens > self.tokens:
            used = f"{used_tokens} of {self.tokens} tokens (DAILY_TOKENS) were used today"
            raise self._exceeded(f"{used}, and this job would train about {more_tokens}")

    def _tokens_of(self, job: dict[str, Any]) -> int:
        """What it trained if that is known, else what was estimated; one that failed is not billed."""
        trained = job.get("trained_tokens")
        if isinstance(trained, int):
            return trained
        told = str((job.get("metadata") or {}).get(self.tag, ""))
        return int(told) if told.isascii() and told.isdigit() and job.get("status") != "failed" else 0

    def _exceeded(self, why: str) -> ApiError:
        ends = self.since + _DAY_SECONDS
        day = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
        message = f"{why}. Nothing was started; the next day begins at {day}. An admin may send {CONFIRM}: true."
        wait = {"Retry-After": str(max(1, ends - int(self.now())))}
        return ApiError(message, code="budget_exceeded", type="insufficient_quota", status=429, headers=wait)


NO_BUDGET = Budget()


def tokens_to_train(size: int, epochs: int | str | None) -> int:
    """Return about how many tokens are trained of a file of `size` bytes, so often, `auto` as three times."""
    return -(-size // _BYTES_PER_TOKEN) * (epochs if isinstance(epochs, int) else _EPOCHS_OF_AUTO)
