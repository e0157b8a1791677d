"""The model processes in use, within a bound: starts, shares, swaps and ends them; what is asked of them is not seen.

A process that answers is never ended: one that must go is retired, takes no new request, and ends with its last one.
Whoever asks for a model that does not fit beside those that answer stands in line until it does, and whoever asks one
that writes as many answers as it may stands in its queue.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from engine import gguf_header
from engine.serving.process import ModelGone, ModelProcess, ServedModel, ServerSettings, StartFailed
from engine.serving.room import PoolSettings
from engine.serving.slot import Foresight, Place, Slot
from engine.serving.standby import Standby
from wire.errors import Unavailable
from wire.waiting import BEAT_SECONDS, QUIET_SECONDS

SWEEP_SECONDS = 5.0
TURN_SECONDS = QUIET_SECONDS + 2 * BEAT_SECONDS
"""How long the first in line leaves models alone that are asked all the time; then they take no new request.

By then it is seen whether the caller is still there, for whom they would be sent away.
"""
PATIENCE = 100.0
"""Seconds in line; less than the service waits for its upstream, so that its callers are told why."""
_LOOK_SECONDS = 0.5
Sign = TypeVar("Sign")
_LOG = logging.getLogger(__name__)


class Pool:
    """Lends model processes; safe for any number of threads."""

    def __init__(self, settings: PoolSettings, log_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._log_dir = log_dir
        self._clock = clock
        self._slots: dict[str, Slot] = {}
        self._leaving: set[Slot] = set()
        self._line: list[Place] = []
        self._foresight = Foresight()
        self._standby = Standby(log_dir / "standby.log")
        self._threads = settings.threads
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._sweeper: threading.Thread | None = None

    @contextmanager
    def lease(self, model: ServedModel, sign: Sign, answers: int = 1) -> Iterator[Generator[Sign, None, ModelProcess]]:
        """Lend a live process of `model`, started if need be: what is given returns it, behind a `sign` now and then.

        These come while there is no room for it, or it writes too much to write so many `answers` at once beside that;
        whoever leaves meanwhile leaves the line.

        Raises:
            StartFailed: 500, it cannot be loaded.
            Unavailable: 503, the pool is closed, too many stand in line, or it took too long.
        """
        place = Place(model, answers, self._clock())
        with self._changed:
            self._line.append(place)
            self._sweep_from_now_on()
        try:
            yield self._arrive(place, sign)
        except (ModelGone, StartFailed):
            self._drop([place.slot] if place.slot else [])
            raise
        finally:
            self._leave(place)

    def set_training(self, training: bool) -> None:
        """Serve with few threads from now on, or with all again; each model is swapped at its next request."""
        with self._changed:
            self._threads = self._settings.threads_beside_training if training else self._settings.threads

    def forget(self, name: str) -> None:
        """End the process of a model that is no more, after the answers it is writing."""
        with self._changed:
            slots = [slot for slot in self._slots.values() if slot.model.name == name]
        self._drop(slots)

    def sweep(self) -> None:
        """End what died or has been idle too long, and what idles beyond the bounds."""
        with self._changed:
            for slot in self._all():
                slot.measure()
            oldest = self._clock() - self._settings.idle_seconds
            stale = [slot for slot in self._idle() if slot.dead or slot.last_used <= oldest]
        self._drop(stale)
        self._drop_surplus()
        if not self.processes():
            self._standby.end()

    def close(self) -> None:
        """End every process, those that answer too."""
        self._closed.set()
        with self._changed:
            slots = self._all()
            self._slots.clear()
            self._changed.notify_all()
        for slot in slots:
            slot.process.stop()
        self._standby.end()

    def processes(self) -> list[ModelProcess]:
        """Return the processes there are now, those that finish their last answers too."""
        with self._changed:
            return [slot.process for slot in self._all()]

    def _arrive(self, place: Place, sign: Sign) -> Generator[Sign, None, ModelProcess]:
        while place.slot is None:
            with self._changed:
                ending = self._seat(place)
            self._end(ending)
            if place.slot is None and not ending:
                yield sign
        if place.slot.start():
            self._settle(place.slot)
        while not self._is_its_turn(place, place.slot):
            yield sign
        return place.slot.process

    def _is_its_turn(self, place: Place, slot: Slot) -> bool:
        """Whether the process answers `place` now; if not, that was waited for a while."""
        with self._changed:
            self._refuse_if_closed()
            if not slot.admit(place):
                reason = f"The model '{place.model.name}' writes as many answers as it may at once (PARALLEL)"
                self._refuse_if_too_much(place, reason)
                self._changed.wait(_LOOK_SECONDS)
            if admitted := slot.admit(place):
                self._changed.notify_all()  # the next may be written beside it
            return admitted

    def _seat(self, place: Place) -> list[Slot]:
        """Give `place` its slot; or none, and return what must end first, perhaps nothing after a while."""
        self._refuse_if_closed()
        slot = self._slots.get(place.model.name)
        if slot is not None and self._outdated(slot, place.model):
            return self._retire([slot])
        if slot is None and self._spares_those_before(place):
            new = self._foreseen(place)
            if surplus := self._surplus(new):
                return self._retire(surplus)
            if self._settings.have_room_for([*self._all(), new]):
                slot = self._slots[place.model.name] = new
        if slot is None:
            self._wait(place)
            return []
        slot.users += 1
        place.slot = slot
        self._line.remove(place)
        self._changed.notify_all()
        return []

    def _spares_those_before(self, place: Place) -> bool:
        """Whether those who stand before `place` would have to wait for no more answers if it got its model now."""
        known = (place.model.name, *self._slots)
        before = self._line[: self._line.index(place)]
        newcomers = {one.model.name: self._foreseen(one) for one in before if one.model.name not in known}
        if not newcomers:
            return True
        staying = self._settings.staying(self._busy(), newcomers.values())
        return self._settings.have_room_for([*staying, *newcomers.values(), self._foreseen(place)])

    def _foreseen(self, place: Place) -> Slot:
        """Return the slot that `place` would start; made once, for that reads files."""
        if place.foreseen is None or place.foreseen.process.settings.threads != self._threads:
            place.foreseen = self._new(place.model)
        return place.foreseen

    def _outdated(self, slot: Slot, model: ServedModel) -> bool:
        """Whether `slot` must be replaced; for other threads only if both have room while the old one answers."""
        if slot.dead or slot.model != model:
            return True
        if slot.process.settings.threads == self._threads:
            return False
        return not slot.users or self._settings.have_room_for([*self._all(), self._new(model)])

    def _wait(self, place: Place) -> None:
        """Wait for a change; the first in line has busy models take no new request once it has waited for long."""
        self._refuse_if_too_much(
            place, "All memory for models (SERVING_MEMORY_MB, MODELS_LOADED) is taken by models that answer"
        )
        if self._clock() - place.since >= TURN_SECONDS and self._line[0] is place:
            staying = self._settings.staying(self._busy(), [self._foreseen(place)])
            self._retire([slot for slot in self._busy() if slot not in staying])
        self._changed.wait(_LOOK_SECONDS)

    def _refuse_if_too_much(self, place: Place, reason: str) -> None:
        """Raise Unavailable if `place` has waited for too long, or too many are answered or wait before it."""
        before = sum(slot.users for slot in self._all())
        if place.slot is None:
            before += self._line.index(place)
        else:
            before += sum(one.since < place.since for one in self._line) - place.slot.from_place_on(place)
        late = self._clock() - place.since >= PATIENCE
        if late or before >= self._settings.callers:
            more = "" if late else ", and no more callers can wait for it (ENGINE_THREADS)"
            raise Unavailable(f"{reason}{more}; ask again.", code="server_is_overloaded", headers={"Retry-After": "30"})

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            raise Unavailable("The engine is shutting down.", headers={"Retry-After": "5"})

    def _settle(self, slot: Slot) -> None:
        """See what a process really holds that was just started; should it be more than foreseen, others make room."""
        with self._changed:
            slot.measure()
            self._foresight.learn(slot)
        if not self._settings.have_memory_for([slot]):
            _LOG.warning("The model %s alone takes more than SERVING_MEMORY_MB; it is served alone.", slot.model.name)
        self._drop_surplus()

    def _leave(self, place: Place) -> None:
        slot = place.slot
        with self._changed:
            if slot is None:
                self._line.remove(place)
            else:
                slot.users -= 1
                slot.dismiss(place)
                slot.last_used = self._clock()
            self._changed.notify_all()
            ended = [slot] if slot is not None and slot.retired and not slot.users else []
        self._end(ended)
        if slot is not None and not self._closed.is_set():
            self._standby.prepare()  # now that nobody waits for the cores

    def _drop(self, slots: Sequence[Slot]) -> None:
        """Retire `slots`: those without users end now, the others with their last user."""
        with self._changed:
            ending = self._retire(slots)
        self._end(ending)

    def _drop_surplus(self) -> None:
        with self._changed:
            ending = self._retire(self._surplus())
        self._end(ending)

    def _retire(self, slots: Sequence[Slot]) -> list[Slot]:
        """Let `slots` take no new request; return those that nobody uses, which the caller has to end."""
        present = [slot for slot in slots if self._slots.get(slot.model.name) is slot]
        for slot in present:
            del self._slots[slot.model.name]
            slot.retired = True
            self._leaving.add(slot)
        return [slot for slot in present if not slot.users]

    def _end(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            slot.process.stop()
        with self._changed:
            self._leaving.difference_update(slots)
            self._changed.notify_all()

    def _surplus(self, *more: Slot) -> list[Slot]:
        """Return the least recently used idle slots without which all others, and `more`, keep within the bounds.

        With `more` none are returned if that would not do, or if what is ending now is enough.
        """
        staying = [slot for slot in self._all() if slot.users or not slot.retired]
        idle = self._idle()
        count = 0
        while count < len(idle) and not self._settings.have_room_for([*staying, *more]):
            staying.remove(idle[count])
            count += 1
        return idle[:count] if not more or self._settings.have_room_for([*staying, *more]) else []

    def _all(self) -> list[Slot]:
        return [*self._slots.values(), *self._leaving]

    def _busy(self) -> list[Slot]:
        return [slot for slot in self._slots.values() if slot.users]

    def _idle(self) -> list[Slot]:
        return sorted((slot for slot in self._slots.values() if not slot.users), key=lambda slot: slot.last_used)

    def _sweep_from_now_on(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep_until_closed, name="pool", daemon=True)
            self._sweeper.start()

    def _sweep_until_closed(self) -> None:
        while not self._closed.wait(SWEEP_SECONDS):
            self.sweep()

    def _new(self, model: ServedModel) -> Slot:
        own = model.embedding_tokens or gguf_header.within_context(model.base, self._settings.context_tokens)
        settings = ServerSettings(own, self._settings.parallel, self._threads)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in model.name)
        process = ModelProcess(model, settings, self._log_dir / f"{name}.log", self._standby)
        return Slot(process, self._foresight.of(process))
