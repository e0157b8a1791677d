"""Which process with many models of a base is to be started next, if any (decision 38); it starts and ends none."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.serving.maker import Maker
from engine.serving.process import ServedModel
from engine.serving.slot import Slot
from engine.serving.slots import Slots

MOST_TOGETHER = 32
"""Models in one process; each makes its start some 30 ms longer (docs/log.md)."""
Family = Callable[[Path, int], Sequence[ServedModel]]
"""Gives, for a base model's file, that model and what was tuned from it, so many at most, the likeliest asked first."""


class Widening:
    """What the pool knows of the models that are not asked yet; `lock` guards `slots`, which are the pool's."""

    def __init__(self, slots: Slots, maker: Maker, family: Family, lock: threading.Condition) -> None:
        self._slots = slots
        self._maker = maker
        self._family = family
        self._lock = lock
        self._base: Path | None = None
        self._deleted: set[str] = set()
        self._refused: Sequence[ServedModel] = ()
        self.wanted = False

    def want(self, base: Path | None = None) -> None:
        """Let the models of `base` be made ready, or those of the base that was given last."""
        self._base = base or self._base
        self.wanted = self._base is not None

    def refuse(self, wide: Slot) -> None:
        """Remember that llama.cpp did not take the models of `wide` together."""
        self._refused = wide.process.models

    def delete(self, name: str) -> None:
        """Remember that a model is no more, which may be among those that are being made ready."""
        self._deleted.add(name)
        self.want()

    def is_stale(self, wide: Slot) -> bool:
        """Whether a model of `wide` has been deleted."""
        return any(model.name in self._deleted for model in wide.process.models)

    def candidate(self) -> Slot | None:
        """Return the slot with all models that have room together, as far as they are whole; none if there is one.

        It reads all their files.
        """
        self.wanted = False
        family = self._family(self._base, MOST_TOGETHER) if self._base else ()
        if not family:
            return None
        with self._lock:
            wide = self._maker.together(family, self._slots.others_than(family))
            if wide is None or self._slots.has_all_of(wide):
                return None
        whole = tuple(model for model in wide.process.models if _is_whole(model))
        if not whole[1:] or whole == self._refused:
            return None
        wide = self._maker.make(*whole)
        with self._lock:
            return None if self._slots.has_all_of(wide) else wide


def _is_whole(model: ServedModel) -> bool:
    try:
        return model.base.is_file() and model.is_as_published()
    except OSError:  # it has just been deleted
        return False
