"""Makes slots: which process a model gets, by the settings, and what that will hold; it starts none."""

from collections.abc import Collection, Sequence
from pathlib import Path

from engine import gguf_header
from engine.serving.process import Memory, ModelProcess, ServedModel, ServerSettings
from engine.serving.room import PoolSettings
from engine.serving.slot import Place, Slot

OVERHEAD = 64 * 1024 * 1024
"""Bytes of a process beside its cache and its adapters: Python, llama.cpp's buffers, the vocabulary."""


class Maker:
    """Makes slots whose processes get so many `threads`, as many as the settings say unless they are told otherwise.

    What a process will hold is told from its files, and after the first one of a base from what that one held.
    """

    def __init__(self, settings: PoolSettings, log_dir: Path) -> None:
        self.threads = settings.threads
        self._settings = settings
        self._log_dir = log_dir
        self._seen: dict[Path, Memory] = {}

    def make(self, model: ServedModel, *beside: ServedModel) -> Slot:
        """Return the slot of a new process of `model`, and others `beside` it."""
        own = model.embedding_tokens or gguf_header.within_context(model.base, self._settings.context_tokens)
        settings = ServerSettings(own, self._settings.parallel, self.threads)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in model.name)
        process = ModelProcess(model, settings, self._log_dir / f"{name}.log", beside)
        return Slot(process, self._memory(process))

    def together(self, family: Sequence[ServedModel], others: Collection[Slot]) -> Slot | None:
        """Return the slot of as many of `family`, the first first, as have room beside `others`; none of one alone."""
        for count in range(len(family), 1, -1):
            wide = self.make(*family[:count])
            if self._settings.have_room_for([*others, wide]) and self._settings.have_memory_for([wide]):
                return wide
        return None

    def foreseen(self, place: Place) -> Slot:
        """Return the slot that `place` would start; made once, for that reads files."""
        if place.foreseen is None or place.foreseen.process.settings.threads != self.threads:
            place.foreseen = self.make(place.model)
        return place.foreseen

    def learn(self, slot: Slot) -> None:
        """Remember what the process of `slot` holds, unless it has ended meanwhile."""
        own, mapped = slot.memory
        if own > _adapters(slot.process):
            self._seen[slot.model.base] = Memory(own - _adapters(slot.process), mapped)

    def _memory(self, process: ModelProcess) -> Memory:
        base, asked = process.model.base, process.settings
        cache = gguf_header.read(base).cache_bytes * asked.context_tokens * asked.parallel
        own, mapped = self._seen.get(base, (OVERHEAD + cache, _size(base)))
        return Memory(own + _adapters(process), mapped)


def _adapters(process: ModelProcess) -> int:
    """Return the bytes of all adapters that a process carries; llama.cpp reads them into its own memory."""
    return sum(_size(model.adapter) for model in process.models)


def _size(file: Path | None) -> int:
    return file.stat().st_size if file is not None and file.is_file() else 0
