"""The model processes in use, at most so many: starts, shares, swaps and ends them; what is asked of them is not seen.

A process that answers is never ended: one that must go is retired, takes no new request, and ends with its last one.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.serving.process import ModelGone, ModelProcess, ServedModel, ServerSettings, StartFailed
from wire.errors import Unavailable

SWEEP_SECONDS = 5.0
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class PoolSettings:
    """What the pool keeps to; `memory_mb` bounds what idle processes hold together."""

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


class _Slot:
    """One process, its users, and whether new ones may come; the pool's lock guards all but `process`."""

    def __init__(self, model: ServedModel, process: ModelProcess) -> None:
        self.model = model
        self.process = process
        self.users = 0
        self.last_used = 0.0
        self.retired = False
        self._starting = threading.Lock()
        self._failure: StartFailed | None = None
        self._started = False

    def running(self) -> ModelProcess:
        """Return the process, started by whoever comes first; the others wait, and share its failure."""
        with self._starting:
            if self._failure is not None:
                raise self._failure
            if not self._started:
                try:
                    self.process.start()
                except StartFailed as failure:
                    self._failure = failure
                    raise
                self._started = True
        return self.process

    @property
    def dead(self) -> bool:
        """Whether the process ran and ended by itself."""
        return self._started and not self.process.alive


class Pool:
    """Lends model processes; safe for any number of threads."""

    def __init__(self, settings: PoolSettings, log_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._log_dir = log_dir
        self._clock = clock
        self._slots: dict[str, _Slot] = {}
        self._leaving: set[_Slot] = set()
        self._threads = settings.threads
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sweeper: threading.Thread | None = None

    @contextmanager
    def lease(self, model: ServedModel) -> Iterator[ModelProcess]:
        """Lend a live process of `model`, started if need be.

        Raises:
            StartFailed: 500, it cannot be loaded.
            Unavailable: 503, the pool is closed.
        """
        slot = self._join(model)
        try:
            yield slot.running()
        except (ModelGone, StartFailed):
            self._drop([slot])
            raise
        finally:
            self._leave(slot)

    def set_training(self, training: bool) -> None:
        """Serve with few threads from now on, or with all again; each model is swapped at its next request."""
        with self._lock:
            self._threads = self._settings.threads_beside_training if training else self._settings.threads

    def forget(self, name: str) -> None:
        """End the process of a model that is no more, after the answers it is writing."""
        with self._lock:
            slots = [slot for slot in self._slots.values() if slot.model.name == name]
        self._drop(slots)

    def sweep(self) -> None:
        """End what died or has been idle too long, and what idles beyond the bounds."""
        with self._lock:
            oldest = self._clock() - self._settings.idle_seconds
            stale = [slot for slot in self._idle() if slot.dead or slot.last_used <= oldest]
        self._drop(stale)
        self._drop(self._surplus())

    def close(self) -> None:
        """End every process, those that answer too."""
        self._closed.set()
        with self._lock:
            slots = [*self._slots.values(), *self._leaving]
            self._slots.clear()
        for slot in slots:
            slot.process.stop()

    def processes(self) -> list[ModelProcess]:
        """Return the processes there are now, those that finish their last answers too."""
        with self._lock:
            return [slot.process for slot in (*self._slots.values(), *self._leaving)]

    def _join(self, model: ServedModel) -> _Slot:
        with self._lock:
            if self._closed.is_set():
                raise Unavailable("The engine is shutting down.", headers={"Retry-After": "5"})
            slot = self._slots.get(model.name)
            outdated = slot is not None and (slot.dead or not self._fits(slot, model))
        if slot is not None and outdated:
            self._drop([slot])
        with self._lock:
            slot, known = self._slots.get(model.name), model.name in self._slots
            if slot is None:
                slot = self._slots[model.name] = _Slot(model, self._process(model))
            slot.users += 1
            self._sweep_from_now_on()
        if not known:  # asking processes for their memory takes milliseconds, which a chat must not wait for
            self._drop(self._surplus())
        return slot

    def _leave(self, slot: _Slot) -> None:
        with self._lock:
            slot.users -= 1
            slot.last_used = self._clock()
            ended = slot.retired and slot.users == 0
            if ended:
                self._leaving.discard(slot)
        if ended:
            slot.process.stop()

    def _drop(self, slots: list[_Slot]) -> None:
        """Retire `slots`: those without users end now, the others with their last user."""
        ended: list[_Slot] = []
        with self._lock:
            for slot in slots:
                if self._slots.get(slot.model.name) is slot:
                    del self._slots[slot.model.name]
                    slot.retired = True
                    (self._leaving.add if slot.users else ended.append)(slot)
        for slot in ended:
            slot.process.stop()

    def _surplus(self) -> list[_Slot]:
        """Return the least recently used idle slots beyond the number and the memory that may be kept."""
        with self._lock:
            idle, loaded = self._idle(), len(self._slots)
        held = [slot.process.memory for slot in idle]
        count = 0
        while count < len(idle) and (
            loaded - count > self._settings.models_loaded or sum(held[count:]) > self._settings.memory_mb * MEGABYTE
        ):
            count += 1
        return idle[:count]

    def _idle(self) -> list[_Slot]:
        return sorted((slot for slot in self._slots.values() if not slot.users), key=lambda slot: slot.last_used)

    def _fits(self, slot: _Slot, model: ServedModel) -> bool:
        return slot.model == model and slot.process.settings.threads == self._threads

    def _sweep_from_now_on(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep_until_closed, name="pool", daemon=True)
            self._sweeper.start()

    def _sweep_until_closed(self) -> None:
        while not self._closed.wait(SWEEP_SECONDS):
            self.sweep()

    def _process(self, model: ServedModel) -> ModelProcess:
        context = model.embedding_tokens or self._settings.context_tokens
        settings = ServerSettings(context, self._settings.parallel, self._threads)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in model.name)
        return ModelProcess(model, settings, self._log_dir / f"{name}.log")
