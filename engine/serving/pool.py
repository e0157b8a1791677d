"""The model processes in use, within a bound: starts, shares, swaps and ends them; what is asked of them is not seen.

A process that answers is never ended: one that must go is retired, takes no new request, and ends with its last one.
Whoever asks for a model that does not fit beside those that answer stands in line until it does.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import gguf_header
from engine.serving.process import ModelGone, ModelProcess, ServedModel, ServerSettings, StartFailed
from engine.serving.slot import Foresight, Slot, held
from wire.errors import Unavailable

SWEEP_SECONDS = 5.0
TURN_SECONDS = 3.0
"""How long the first in line leaves models alone that are asked all the time; then they take no new request."""
PATIENCE = 100.0
"""Seconds in line; less than the service waits for its upstream, so that its callers are told why."""
MEGABYTE = 1024 * 1024
_LOOK_SECONDS = 0.5
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PoolSettings:
    """What the pool keeps to; `memory_mb` and, unless it is 0, `models_loaded` bound what there is, busy or idle."""

    context_tokens: int
    parallel: int
    threads: int
    models_loaded: int
    memory_mb: int
    idle_seconds: float

    @property
    def threads_beside_training(self) -> int:
        """Threads of a process while a training runs: its barriers stall when it has as many as there are cores."""
        return max(1, self.threads // 2)

    def allows(self, bytes_held: int) -> bool:
        """Whether all processes may hold as many bytes together."""
        return bytes_held <= self.memory_mb * MEGABYTE


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A place in line, and when it was taken."""

    since: float


class Pool:
    """Lends model processes; safe for any number of threads."""

    def __init__(self, settings: PoolSettings, log_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._log_dir = log_dir
        self._clock = clock
        self._slots: dict[str, Slot] = {}
        self._leaving: set[Slot] = set()
        self._line: list[_Waiting] = []
        self._foresight = Foresight()
        self._threads = settings.threads
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._sweeper: threading.Thread | None = None

    @contextmanager
    def lease(self, model: ServedModel) -> Iterator[ModelProcess]:
        """Lend a live process of `model`, started if need be; with no room for it, wait for some.

        Raises:
            StartFailed: 500, it cannot be loaded.
            Unavailable: 503, the pool is closed, or there was no room for too long.
        """
        slot = self._join(model)
        try:
            if slot.start():
                self._settle(slot)
            yield slot.process
        except (ModelGone, StartFailed):
            self._drop([slot])
            raise
        finally:
            self._leave(slot)

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

    def close(self) -> None:
        """End every process, those that answer too."""
        self._closed.set()
        with self._changed:
            slots = self._all()
            self._slots.clear()
            self._changed.notify_all()
        for slot in slots:
            slot.process.stop()

    def processes(self) -> list[ModelProcess]:
        """Return the processes there are now, those that finish their last answers too."""
        with self._changed:
            return [slot.process for slot in self._all()]

    def _join(self, model: ServedModel) -> Slot:
        with self._changed:
            place = _Waiting(self._clock())
            self._line.append(place)
            self._sweep_from_now_on()
        try:
            while True:
                with self._changed:
                    slot, ending = self._seat(model, place)
                if slot is not None:
                    return slot
                self._end(ending)
        finally:
            with self._changed:
                self._line.remove(place)
                self._changed.notify_all()

    def _seat(self, model: ServedModel, place: _Waiting) -> tuple[Slot | None, list[Slot]]:
        """Return a slot with one user more, or none and what must end first, perhaps nothing after a while."""
        if self._closed.is_set():
            raise Unavailable("The engine is shutting down.", headers={"Retry-After": "5"})
        slot = self._slots.get(model.name)
        if slot is not None and self._outdated(slot, model):
            return None, self._retire([slot])
        if slot is None and self._line[0] is place:
            new = self._new(model)
            if surplus := self._surplus(new):
                return None, self._retire(surplus)
            if self._within([*self._all(), new]):
                slot = self._slots[model.name] = new
        if slot is None:
            self._wait(model, place)
            return None, []
        slot.users += 1
        return slot, []

    def _outdated(self, slot: Slot, model: ServedModel) -> bool:
        """Whether `slot` must be replaced; for other threads only if both have room while the old one answers."""
        if slot.dead or slot.model != model:
            return True
        if slot.process.settings.threads == self._threads:
            return False
        return not slot.users or self._within([*self._all(), self._new(model)])

    def _wait(self, model: ServedModel, place: _Waiting) -> None:
        """Wait for a change; the first in line has busy models take no new request once it has waited for long."""
        waited = self._clock() - place.since
        if waited >= PATIENCE:
            raise Unavailable(
                "All memory for models (SERVING_MEMORY_MB, MODELS_LOADED) is taken by models that answer; ask again.",
                code="server_is_overloaded",
                headers={"Retry-After": "30"},
            )
        if waited >= TURN_SECONDS and self._line[0] is place:
            new = self._new(model)
            staying = sorted((slot for slot in self._slots.values() if slot.users), key=lambda slot: slot.last_used)
            while staying and not self._within([*staying, new]):
                self._retire([staying.pop(0)])
        self._changed.wait(_LOOK_SECONDS)

    def _settle(self, slot: Slot) -> None:
        """See what a process really holds that was just started; should it be more than foreseen, others make room."""
        with self._changed:
            slot.measure()
            self._foresight.learn(slot)
        if not self._settings.allows(held([slot])):
            _LOG.warning("The model %s alone takes more than SERVING_MEMORY_MB; it is served alone.", slot.model.name)
        self._drop_surplus()

    def _leave(self, slot: Slot) -> None:
        with self._changed:
            slot.users -= 1
            slot.last_used = self._clock()
            ended = slot.retired and slot.users == 0
            self._changed.notify_all()
        if ended:
            self._end([slot])

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
        while count < len(idle) and not self._within([*staying, *more]):
            staying.remove(idle[count])
            count += 1
        return idle[:count] if not more or self._within([*staying, *more]) else []

    def _within(self, slots: Sequence[Slot]) -> bool:
        """Whether `slots` may be there together; a model that is larger than the bound is served alone."""
        most = self._settings.models_loaded or len(slots)
        return len(slots) <= 1 or (len(slots) <= most and self._settings.allows(held(slots)))

    def _all(self) -> list[Slot]:
        return [*self._slots.values(), *self._leaving]

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
        process = ModelProcess(model, settings, self._log_dir / f"{name}.log")
        return Slot(process, self._foresight.of(process))
