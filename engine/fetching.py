"""Base models on their way onto this machine, each fetched in a thread of its own; who asks is not known."""

import logging
import threading
import time
from pathlib import Path

from engine import catalogue
from engine.catalogue import BaseModel

_LOG = logging.getLogger(__name__)
PAUSE = 30.0
"""Seconds that a model which could not be fetched is not asked for again."""


class Fetches:
    """What is fetched into `folder`; of what could not be had, why."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changing = threading.Lock()
        self._under_way = set[BaseModel]()
        self._failures: dict[BaseModel, str] = {}
        self._not_before: dict[BaseModel, float] = {}

    def begin(self, base: BaseModel) -> None:
        """Fetch `base`, unless a thread is at it or could not a moment ago."""
        with self._changing:
            if base in self._under_way or time.monotonic() < self._not_before.get(base, 0.0):
                return
            self._failures.pop(base, None)  # of the time before: this one may succeed
            self._under_way.add(base)
        threading.Thread(target=self._fetch, args=(base,), name=f"fetch {base.id}", daemon=True).start()

    def is_under_way(self, base: BaseModel) -> bool:
        """Say whether a thread is fetching `base`."""
        return base in self._under_way

    def failure(self, base: BaseModel) -> str | None:
        """Return why `base` could not be had, or None while that is not known."""
        return self._failures.get(base)

    def _fetch(self, base: BaseModel) -> None:
        try:
            catalogue.fetch(base, self._folder)
        except Exception as error:  # the edge of this thread: whatever it was, callers are told
            self._failures[base] = f"The base model {base.id} could not be fetched: {error}"
            self._not_before[base] = time.monotonic() + PAUSE
            _LOG.error("Base model %s: %s", base.id, error)
        finally:
            self._under_way.discard(base)
