"""One process in the pool: its users in their turn, its memory, foreseen or measured; it evicts nobody."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from engine.serving.process import Memory, ModelProcess, ServedModel, StartFailed


class Slot:
    """A process that need not run yet; the pool's lock guards all but its start.

    It writes answers of one of its models at a time, `asked`: llama.cpp would let those of another wait until they end,
    in silence. Of its `users` those that stand in `queue` wait for others' answers to end; it writes only so many at
    once.
    """

    def __init__(self, process: ModelProcess, memory: Memory) -> None:
        self.process = process
        self.memory = memory
        self.asked: ServedModel | None = None
        self.users = 0
        self.busy_since = 0.0
        self.queue: list[Place] = []
        self._writing = 0
        self.last_used = 0.0
        self.retired = False
        self._starting = threading.Lock()
        self._failure: StartFailed | None = None
        self.started = False

    @property
    def model(self) -> ServedModel:
        """The model that is served."""
        return self.process.model

    @property
    def dead(self) -> bool:
        """Whether the process ran and ended by itself."""
        return self.started and not self.process.alive

    def hold(self, now: float) -> None:
        """Let nobody end it until it is let go of."""
        self.busy_since = self.busy_since if self.users else now
        self.users += 1

    def seat(self, place: "Place", now: float) -> None:
        """Let `place` be answered here from now on."""
        self.hold(now)
        self.asked = place.model
        place.slot = self

    def admit(self, place: "Place") -> bool:
        """Let `place`, in its turn, have its answers written if the process can write them at once; say whether."""
        if not place.in_turn and place not in self.queue:
            self.queue.append(place)
        answers = self._at_once(place)
        if self.queue[:1] == [place] and self._writing + answers <= self.process.settings.parallel:
            self.queue.remove(place)
            self._writing += answers
            place.in_turn = True
        return place.in_turn

    def from_place_on(self, place: "Place") -> int:
        """How many stand in the queue from `place` on, that one among them."""
        return len(self.queue) - self.queue.index(place)

    def dismiss(self, place: "Place") -> None:
        """Let `place` go, whether or not it came to its turn."""
        if place.in_turn:
            self._writing -= self._at_once(place)
        elif place in self.queue:
            self.queue.remove(place)

    def _at_once(self, place: "Place") -> int:
        return min(place.answers, self.process.settings.parallel)

    def start(self) -> bool:
        """Start the process if nobody has, and say whether it was started now; others wait, and share its failure."""
        with self._starting:
            if self._failure is not None:
                raise self._failure
            if self.started:
                return False
            try:
                self.process.start()
            except StartFailed as failure:
                self._failure = failure
                raise
            self.started = True
        return True

    def measure(self) -> None:
        """Take `memory` anew; it stays as foreseen until the process runs."""
        if self.started:
            self.memory = self.process.memory


@dataclass(eq=False)
class Place:
    """A caller's place in line: for which model and how many answers at once, since when.

    `foreseen` is the slot to start, `slot` the one that was got, and `in_turn` says that it answers this caller.
    """

    model: ServedModel
    answers: int
    since: float
    foreseen: Slot | None = None
    slot: Slot | None = None
    in_turn: bool = False


def held(slots: Collection[Slot]) -> int:
    """Return the bytes that the processes of `slots` hold together; what several map of one base is there once."""
    mapped: dict[Path, int] = {}
    for slot in slots:
        mapped[slot.model.base] = max(slot.memory.mapped, mapped.get(slot.model.base, 0))
    return sum(slot.memory.own for slot in slots) + sum(mapped.values())
