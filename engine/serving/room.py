"""What the pool keeps to: reckoning over slots; it starts, ends and locks nothing."""

from collections.abc import Collection
from dataclasses import dataclass

from engine.serving.slot import Slot, held

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class PoolSettings:
    """What the pool keeps to; `memory_mb` and, unless it is 0, `models_loaded` bound what there is, busy or idle.

    What idles for `idle_seconds` ends, unless that is 0: who asks then would wait for a start, a second and more.
    Nobody stands in line with `callers` others that are answered or stand before him.
    """

    context_tokens: int
    parallel: int
    threads: int
    models_loaded: int
    memory_mb: int
    idle_seconds: float
    callers: int

    @property
    def threads_beside_training(self) -> int:
        """Threads of a process while a training runs: its barriers stall when it has as many as there are cores."""
        return max(1, self.threads // 2)

    def have_memory_for(self, slots: Collection[Slot]) -> bool:
        """Whether the processes of `slots` may hold together what they do."""
        return held(slots) <= self.memory_mb * MEGABYTE

    def have_room_for(self, slots: Collection[Slot]) -> bool:
        """Whether `slots` may be there together; a model that is larger than the bound is served alone."""
        most = self.models_loaded or len(slots)
        return len(slots) <= 1 or (len(slots) <= most and self.have_memory_for(slots))

    def staying(self, busy: Collection[Slot], newcomers: Collection[Slot]) -> list[Slot]:
        """Return those of `busy` that need not make room for `newcomers`; who was asked longest ago goes first."""
        staying = sorted(busy, key=lambda slot: slot.last_used)
        while staying and not self.have_room_for([*staying, *newcomers]):
            staying.pop(0)
        return staying
