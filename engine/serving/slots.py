"""The pool's processes: who finds which, which are retired, which could go; it starts, ends and locks nothing."""

from collections.abc import Collection

from engine.serving.process import ServedModel
from engine.serving.room import PoolSettings
from engine.serving.slot import Slot


class Slots:
    """The slots that take requests, and those that are `retired`: they take none, and end with their last user."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._open: list[Slot] = []
        self._leaving: set[Slot] = set()

    def add(self, slot: Slot) -> None:
        """Let `slot` take requests."""
        self._open.append(slot)

    def find(self, model: ServedModel) -> Slot | None:
        """Return the slot that answers as `model` now, or else an idle one that can, best the one that did so last."""
        carrying = self.carrying(model)
        answering = [slot for slot in carrying if slot.users and slot.asked == model]
        idle = [slot for slot in carrying if not slot.users and slot.started]
        return next(iter([*answering, *sorted(idle, key=lambda slot: slot.asked != model)]), None)

    def carrying(self, model: ServedModel) -> list[Slot]:
        """Return the slots that take requests and whose process has `model` loaded, or will have."""
        return [slot for slot in self._open if model in slot.process.models]

    def has_all_of(self, wide: Slot) -> bool:
        """Whether a process carries the models of `wide` already, with as many threads."""
        there = (slot.process for slot in self._open if not slot.dead)
        same = (process for process in there if process.settings.threads == wide.process.settings.threads)
        return any({*wide.process.models} <= {*process.models} for process in same)

    def needless_beside(self, family: Collection[ServedModel], wide: Slot | None = None) -> list[Slot]:
        """Return the idle slots whose place `wide`, with the models of `family`, takes, or one that is to come."""
        bases = {model.base for model in family}
        others = [slot for slot in self.idle() if slot.model.base in bases and slot is not wide]
        return [slot for slot in others if slot.process.models[1:] or slot.model in family]

    def others_than(self, family: Collection[ServedModel]) -> list[Slot]:
        """Return all slots that stay beside one with the models of `family`."""
        return [slot for slot in self.all() if slot not in self.needless_beside(family)]

    def namesakes(self, model: ServedModel) -> list[Slot]:
        """Return the slots whose process has other files for the name of `model`."""
        return [slot for slot in self.named(model.name) if model not in slot.process.models]

    def named(self, name: str) -> list[Slot]:
        """Return the slots that take requests and carry a model of that name."""
        return [slot for slot in self._open if any(model.name == name for model in slot.process.models)]

    def retire(self, slots: Collection[Slot]) -> list[Slot]:
        """Let `slots` take no new request; return those that nobody uses, which the caller has to end."""
        present = [slot for slot in self._open if slot in slots]
        for slot in present:
            self._open.remove(slot)
            slot.retired = True
            self._leaving.add(slot)
        return [slot for slot in present if not slot.users]

    def ended(self, slots: Collection[Slot]) -> None:
        """Forget `slots`, whose processes have ended."""
        self._leaving.difference_update(slots)

    def surplus(self, *more: Slot) -> list[Slot]:
        """Return the least recently used idle slots without which all others, and `more`, keep within the bounds.

        With `more` none are returned if that would not do, or if what is ending now is enough.
        """
        staying = [slot for slot in self.all() if slot.users or not slot.retired]
        idle = self.idle()
        count = 0
        while count < len(idle) and not self._settings.have_room_for([*staying, *more]):
            staying.remove(idle[count])
            count += 1
        return idle[:count] if not more or self._settings.have_room_for([*staying, *more]) else []

    def all(self) -> list[Slot]:
        """Return all slots whose processes may be there, those that finish their last answers too."""
        return [*self._open, *self._leaving]

    def busy(self) -> list[Slot]:
        """Return the slots in use that take more requests."""
        return [slot for slot in self._open if slot.users]

    def idle(self) -> list[Slot]:
        """Return the slots that nobody uses; what was asked longest ago goes first."""
        return sorted((slot for slot in self._open if not slot.users), key=lambda slot: slot.last_used)
