"""One model's place in the pool: its process, its users and its memory, foreseen or measured; it evicts nobody."""

import threading
from collections.abc import Collection
from pathlib import Path

from engine import gguf_header
from engine.serving.process import Memory, ModelProcess, ServedModel, StartFailed

OVERHEAD = 64 * 1024 * 1024
"""Bytes of a process beside its cache and its adapter: Python, llama.cpp's buffers, the vocabulary."""


class Slot:
    """A process that need not run yet; the pool's lock guards `users`, `last_used`, `retired` and `memory`."""

    def __init__(self, process: ModelProcess, memory: Memory) -> None:
        self.process = process
        self.memory = memory
        self.users = 0
        self.last_used = 0.0
        self.retired = False
        self._starting = threading.Lock()
        self._failure: StartFailed | None = None
        self._started = False

    @property
    def model(self) -> ServedModel:
        """The model that is served."""
        return self.process.model

    @property
    def dead(self) -> bool:
        """Whether the process ran and ended by itself."""
        return self._started and not self.process.alive

    def start(self) -> bool:
        """Start the process if nobody has, and say whether it was started now; others wait, and share its failure."""
        with self._starting:
            if self._failure is not None:
                raise self._failure
            if self._started:
                return False
            try:
                self.process.start()
            except StartFailed as failure:
                self._failure = failure
                raise
            self._started = True
        return True

    def measure(self) -> None:
        """Take `memory` anew; it stays as foreseen until the process runs."""
        if self._started:
            self.memory = self.process.memory


class Foresight:
    """What a process will hold: told from its files, and after the first one of a base from what that one held."""

    def __init__(self) -> None:
        self._seen: dict[Path, Memory] = {}

    def learn(self, slot: Slot) -> None:
        """Remember what the process of `slot` holds."""
        own, mapped = slot.memory
        self._seen[slot.model.base] = Memory(own - _size(slot.model.adapter), mapped)

    def of(self, process: ModelProcess) -> Memory:
        """Return what `process`, not started yet, will hold."""
        base, asked = process.model.base, process.settings
        cache = gguf_header.read(base).cache_bytes * asked.context_tokens * asked.parallel
        own, mapped = self._seen.get(base, (OVERHEAD + cache, _size(base)))
        return Memory(own + _size(process.model.adapter), mapped)


def held(slots: Collection[Slot]) -> int:
    """Return the bytes that the processes of `slots` hold together; what several map of one base is there once."""
    mapped: dict[Path, int] = {}
    for slot in slots:
        mapped[slot.model.base] = max(slot.memory.mapped, mapped.get(slot.model.base, 0))
    return sum(slot.memory.own for slot in slots) + sum(mapped.values())


def _size(file: Path | None) -> int:
    return file.stat().st_size if file is not None and file.is_file() else 0
