"""Whose job made a model: its object names the model, but no checkpoint, whose name has an id of its own."""

import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock
from typing import Any

from services.creates import TAG, Page, tags_of
from wire.errors import ApiError

log = logging.getLogger("tune9527")

OWNER = f"{TAG}owner"
# What sets a checkpoint's name apart from its model's.
CHECKPOINT = ":ckpt-step-"
# Seconds for which a list of all jobs is good; one that takes long to get is good for longer.
GOOD = 60.0
_SHARE = 20

Job = dict[str, Any]


def is_named_as_tuned(model: str) -> bool:
    """Whether its name says that a job made it, as OpenAI and our engine name all of theirs."""
    return model.startswith("ft:")


def maker_of(model: str, jobs: Iterable[Job], checkpoints_of: Callable[[str], list[dict[str, Any]]]) -> Job | None:
    """Return the one of `jobs` that made a fine-tuned model or a checkpoint, or None.

    A checkpoint's name shares base, organization and suffix with its job's model, so few jobs are asked for theirs.
    """
    for job in jobs:
        whole = str(job.get("fine_tuned_model") or "")
        if whole == model:
            return job
        kin = CHECKPOINT in model and whole.split(":")[:4] == model.split(":")[:4]
        if kin and any(one.get("fine_tuned_model_checkpoint") == model for one in checkpoints_of(str(job["id"]))):
            return job
    return None


class Makers:
    """Owners of tuned models that are called like any other, as an upstream listed its jobs a minute ago at most."""

    def __init__(self, pages: Callable[[], Iterable[Page]], now: Callable[[], float] = time.monotonic) -> None:
        self._pages = pages
        self._now = now
        self._owners: dict[str, str] = {}
        self._known = False
        self._good_until = 0.0
        self._lock = Lock()

    def owner_of(self, model: str) -> str | None:
        """Return whose job made a model, "" for one that is nobody's; None if no job is known to have.

        Raises what an upstream says that cannot list its jobs now, and never did.
        """
        if self._now() >= self._good_until and self._lock.acquire(blocking=not self._known):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._owners.get(model)

    def _look(self) -> None:
        began = self._now()
        if began < self._good_until:  # another has looked meanwhile
            return
        try:
            self._owners = self._listed()
        except ApiError as failure:
            for_now = failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR or failure.status == 429
            if for_now and failure.status != HTTPStatus.NOT_IMPLEMENTED and not self._known:
                raise
            log.warning("whose the models are is as it was known before: %s", failure.message)
        self._known = True
        ended = self._now()
        self._good_until = ended + max(GOOD, _SHARE * (ended - began))

    def _listed(self) -> dict[str, str]:
        """Owners by model; of two jobs with a model of one name the first counts, whatever was started since."""
        found = dict[str, str]()
        for page in self._pages():
            if page.by_engine:  # which names all of its models ft:...
                return {}
            for job in page.jobs:
                if job.get("fine_tuned_model"):
                    found[str(job["fine_tuned_model"])] = str(tags_of(job).get(OWNER, ""))
        return found
