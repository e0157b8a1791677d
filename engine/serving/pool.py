"""The model processes in use, within a bound: starts, shares, swaps and ends them; what is asked of them is not seen.

Who waits for a model gets a process that loads it alone, for that is soonest there. When nobody waits, one with all
models of the base takes its place, so that the next of them is there at once (decision 38).

A process that answers is never ended: one that must go is retired, takes no new request, and ends with its last one.
Whoever asks for a model that does not fit beside those that answer stands in line until it does, and whoever asks one
that writes as many answers as it may stands in its queue.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from engine.serving.line import TURN_SECONDS, Line
from engine.serving.maker import Maker
from engine.serving.process import ModelGone, ModelProcess, ServedModel, StartFailed
from engine.serving.room import PoolSettings
from engine.serving.slot import Place, Slot
from engine.serving.slots import Slots
from engine.serving.widening import Family, Widening
from wire.errors import Unavailable

SWEEP_SECONDS = 5.0
_LOOK_SECONDS = 0.5
Sign = TypeVar("Sign")
_LOG = logging.getLogger(__name__)


class Pool:
    """Lends model processes; safe for any number of threads."""

    def __init__(
        self,
        settings: PoolSettings,
        log_dir: Path,
        family: Family = lambda *_: [],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._maker = Maker(settings, log_dir)
        self._clock = clock
        self._slots = Slots(settings)
        self._line = Line(settings, self._slots)
        self._changed = threading.Condition()
        self._widening = Widening(self._slots, self._maker, family, self._changed)
        self._closed = threading.Event()
        self._woken = threading.Event()
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
            self._line.join(place)
            self._sweep_from_now_on()
        try:
            yield self._arrive(place, sign)
        except (ModelGone, StartFailed):
            self._drop([place.slot] if place.slot else [])
            raise
        finally:
            self._leave(place)

    def set_training(self, training: bool) -> None:
        """Serve with few threads from now on, or with all again; a process is swapped at its next request.

        The models of the base that was asked last are made ready so, if any are loaded, and after a training in any
        case, for its own may be among them.
        """
        with self._changed:
            self._maker.threads = self._settings.threads_beside_training if training else self._settings.threads
            if not training or self._slots.all():
                self._widening.want()
        self._woken.set()

    def forget(self, name: str) -> None:
        """End the processes that carry a model that is no more, after the answers they are writing."""
        with self._changed:
            self._widening.delete(name)
            slots = self._slots.named(name)
        self._drop(slots)
        self._woken.set()

    def prepare(self, base: Path) -> None:
        """Begin to start a process with all models of the file `base`, as soon as nobody uses any."""
        with self._changed:
            self._widening.want(base)
            self._sweep_from_now_on()
        self._woken.set()

    def sweep(self) -> None:
        """End what died or has been idle too long, and what idles beyond the bounds."""
        with self._changed:
            for slot in self._slots.all():
                slot.measure()
            oldest = self._clock() - (self._settings.idle_seconds or math.inf)
            stale = [slot for slot in self._slots.idle() if slot.dead or slot.last_used <= oldest]
        self._drop(stale)
        self._drop_surplus()

    def close(self) -> None:
        """End every process, those that answer too."""
        self._closed.set()
        self._woken.set()
        with self._changed:
            slots = self._slots.all()
            self._slots.retire(slots)
            self._changed.notify_all()
        self._end(slots)
        if self._sweeper is not None:
            self._sweeper.join(SWEEP_SECONDS)

    def processes(self) -> list[ModelProcess]:
        """Return the processes there are now, those that finish their last answers too."""
        with self._changed:
            return [slot.process for slot in self._slots.all() if slot.process.alive]

    def _arrive(self, place: Place, sign: Sign) -> Generator[Sign, None, ModelProcess]:
        while place.slot is None:
            with self._changed:
                ending = self._seat(place)
            self._end(ending)
            if place.slot is None and not ending:
                yield sign
        if place.slot.start():
            self._settle(place.slot)
            if not place.model.embedding_tokens:
                self._widening.want(place.model.base)
        while not self._is_its_turn(place, place.slot):
            yield sign
        return place.slot.process

    def _is_its_turn(self, place: Place, slot: Slot) -> bool:
        """Whether the process answers `place` now; if not, that was waited for a while."""
        with self._changed:
            self._refuse_if_closed()
            if not slot.admit(place):
                reason = f"The model '{place.model.name}' writes as many answers as it may at once (PARALLEL)"
                self._line.refuse(place, reason, self._clock())
                self._changed.wait(_LOOK_SECONDS)
            if admitted := slot.admit(place):
                self._changed.notify_all()  # the next may be written beside it
            return admitted

    def _seat(self, place: Place) -> list[Slot]:
        """Give `place` its slot; or none, and return what must end first, perhaps nothing after a while."""
        self._refuse_if_closed()
        slot = self._slots.find(place.model)
        if outdated := self._slots.namesakes(place.model) or (slot and self._outdated(slot, place) and [slot]):
            return self._slots.retire(outdated)
        if slot is None and self._line.lets_start(place, self._maker.foreseen, self._clock()):
            new = self._maker.foreseen(place)
            if surplus := self._slots.surplus(new):
                return self._slots.retire(surplus)
            if self._settings.have_room_for([*self._slots.all(), new]):
                self._slots.add(new)
                slot = new
        if slot is None or self._line.gives_away(slot, place, self._clock()):
            self._wait(place)
            return []
        slot.seat(place, self._clock())
        self._line.leave(place)
        self._changed.notify_all()
        return []

    def _outdated(self, slot: Slot, place: Place) -> bool:
        """Whether `slot` must be replaced; for other threads only if both have room while the old one answers."""
        if slot.dead or slot.process.settings.threads == self._maker.threads:
            return slot.dead
        return not slot.users or self._settings.have_room_for([*self._slots.all(), self._maker.foreseen(place)])

    def _wait(self, place: Place) -> None:
        """Wait for a change; the first in line has busy models take no new request once it has waited for long."""
        loaded = self._slots.carrying(place.model)
        taken = "All memory for models (SERVING_MEMORY_MB, MODELS_LOADED) is taken by models that answer"
        reason = f"The process that has the model '{place.model.name}' answers as another" if loaded else taken
        self._line.refuse(place, reason, self._clock())
        if not loaded and self._clock() - place.since >= TURN_SECONDS and self._line.is_first(place):
            staying = self._settings.staying(self._slots.busy(), [self._maker.foreseen(place)])
            self._slots.retire([slot for slot in self._slots.busy() if slot not in staying])
        self._changed.wait(_LOOK_SECONDS)

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            raise Unavailable("The engine is shutting down.", headers={"Retry-After": "5"})

    def _settle(self, slot: Slot) -> None:
        """See what a process really holds that was just started; should it be more than foreseen, others make room."""
        with self._changed:
            slot.measure()
            self._maker.learn(slot)
        if not self._settings.have_memory_for([slot]):
            _LOG.warning("The model %s alone takes more than SERVING_MEMORY_MB; it is served alone.", slot.model.name)
        self._drop_surplus()

    def _leave(self, place: Place) -> None:
        with self._changed:
            if place.slot is None:
                self._line.leave(place)
                self._changed.notify_all()
            else:
                place.slot.dismiss(place)
        if place.slot is not None:
            self._release(place.slot)
        if self._widening.wanted:
            self._woken.set()

    def _release(self, slot: Slot) -> None:
        with self._changed:
            slot.users -= 1
            slot.last_used = self._clock()
            self._changed.notify_all()
            ending = [slot] if slot.retired and not slot.users else []
        self._end(ending)

    def _widen(self) -> None:
        """Start a process with all models of a base, now that nobody waits for the cores; it takes others' place."""
        if not self._widening.wanted or self._is_used():
            return
        wide = self._widening.candidate()
        if wide is None:
            return
        with self._changed:
            if self._closed.is_set() or self._is_used() or self._widening.is_stale(wide):
                self._widening.want()
                return
            tight = not self._settings.have_room_for([*self._slots.all(), wide])
            ending = self._slots.retire(self._slots.needless_beside(wide.process.models)) if tight else []
            self._slots.add(wide)
            wide.hold(self._clock())  # nobody is to end it while it starts
        self._end(ending)
        try:
            wide.start()
            self._settle(wide)
        except (ModelGone, StartFailed) as failure:
            self._widening.refuse(wide)
            self._drop([wide])
            _LOG.warning("The models of %s are served one by one: %s", wide.model.base.name, failure)
        finally:
            self._release(wide)
        with self._changed:
            needless = self._slots.needless_beside(wide.process.models, wide) if wide.started else []
            ending = self._slots.retire([wide] if self._widening.is_stale(wide) else needless)
        self._end(ending)

    def _is_used(self) -> bool:
        with self._changed:
            return not self._line.is_empty or bool(self._slots.busy())

    def _drop(self, slots: Sequence[Slot]) -> None:
        """Retire `slots`: those without users end now, the others with their last user."""
        with self._changed:
            ending = self._slots.retire(slots)
        self._end(ending)

    def _drop_surplus(self) -> None:
        with self._changed:
            ending = self._slots.retire(self._slots.surplus())
        self._end(ending)

    def _end(self, slots: Sequence[Slot]) -> None:
        if not slots:  # those who wait would wake one another without end
            return
        for slot in slots:
            slot.process.stop()
        with self._changed:
            self._slots.ended(slots)
            self._changed.notify_all()

    def _sweep_from_now_on(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep_until_closed, name="pool", daemon=True)
            self._sweeper.start()

    def _sweep_until_closed(self) -> None:
        while not self._closed.is_set():
            self._woken.wait(SWEEP_SECONDS)
            self._woken.clear()
            try:
                self.sweep()
                self._widen()
            except Exception:  # the edge of this thread: one bad turn (a full disk, a lost database) must not end it
                _LOG.exception("Model processes could not be looked after.")
