"""Those who wait for a model's process, as they came: who goes before whom, and who must not wait."""

from collections.abc import Callable

from engine.serving.room import PoolSettings
from engine.serving.slot import Place, Slot
from engine.serving.slots import Slots
from wire.errors import Unavailable
from wire.waiting import BEAT_SECONDS, QUIET_SECONDS

PATIENCE = 100.0
"""Seconds in line; less than the service waits for its upstream, so that its callers are told why."""
TURN_SECONDS = QUIET_SECONDS + 2 * BEAT_SECONDS
"""How long the first in line leaves models alone that are asked all the time; then they take no new request.

By then it is seen whether the caller is still there, for whom they would be sent away.
"""
START_SECONDS = 1.0
"""About what a start takes: if a process that has one's model answers as another for longer, it is not waited for."""


class Line:
    """The line before `slots`; the pool's lock guards it, and the pool wakes those who wait."""

    def __init__(self, settings: PoolSettings, slots: Slots) -> None:
        self._settings = settings
        self._slots = slots
        self._places: list[Place] = []

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self._places

    def is_first(self, place: Place) -> bool:
        """Whether nobody came before `place`."""
        return self._places[0] is place

    def join(self, place: Place) -> None:
        """Let `place` wait behind all others."""
        self._places.append(place)

    def leave(self, place: Place) -> None:
        """Let `place` wait no more."""
        self._places.remove(place)

    def gives_away(self, slot: Slot, place: Place, now: float) -> bool:
        """Whether `slot` is for one who came before `place` and asks another of its models.

        It is if it is idle, or if he has waited for so long that it is to take no more requests before his.
        """
        waiting = [one for one in self._before(place) if one.model != place.model and one.model in slot.process.models]
        return any(not slot.users or now - one.since >= TURN_SECONDS for one in waiting)

    def lets_start(self, place: Place, foreseen: Callable[[Place], Slot], now: float) -> bool:
        """Whether a process is to be started for `place`: none will soon be free, and those before it wait no longer.

        `foreseen` gives the slot that would be started for one of them.
        """
        if any(not slot.started or now - slot.busy_since < START_SECONDS for slot in self._slots.carrying(place.model)):
            return False
        waiting = [one for one in self._before(place) if one.model != place.model]
        newcomers = {one.model.name: foreseen(one) for one in waiting if self._slots.find(one.model) is None}
        if not newcomers:
            return True
        staying = self._settings.staying(self._slots.busy(), newcomers.values())
        return self._settings.have_room_for([*staying, *newcomers.values(), foreseen(place)])

    def refuse(self, place: Place, reason: str, now: float) -> None:
        """Raise Unavailable if `place` has waited for too long, or too many are answered or wait before it."""
        before = sum(slot.users for slot in self._slots.all())
        if place.slot is None:
            before += len(self._before(place))
        else:
            before += sum(one.since < place.since for one in self._places) - place.slot.from_place_on(place)
        late = now - place.since >= PATIENCE
        if late or before >= self._settings.callers:
            more = "" if late else ", and no more callers can wait for it (ENGINE_THREADS)"
            raise Unavailable(f"{reason}{more}; ask again.", code="server_is_overloaded", headers={"Retry-After": "30"})

    def _before(self, place: Place) -> list[Place]:
        return self._places[: self._places.index(place)]
