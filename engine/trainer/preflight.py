"""What a run will need, from three trial steps that change nothing, against what is free; it settles no numbers.

What autograd keeps is counted, not guessed: as a polynomial in a row's length, it is the same for a short row's trial.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from engine.trainer import cgroup, checkpoints, likelihood, lora, steps
from engine.trainer.base_model import count_weights
from engine.trainer.crew import Crew
from engine.trainer.errors import DiskFull, InsufficientMemory
from engine.trainer.trial import Trial, try_out

MB = 1024**2
PASSING = 1.25  # what a step holds beside what it keeps: gradients on their way back
FORWARD = 1 / 3  # of a step, whose way back is twice as long as its way there
LOGITS = 3  # copies of a chunk's logits at once
UNPACKING = 6  # copies of the largest tensor in float32 at once while a GGUF file is read
DISK_RESERVE = 16 * MB


@dataclass(frozen=True)
class Plan:
    """What is to be trained: rows by the tokens of their longest sequence, tokens that go through the model.

    `referred` are those that go through it once before, without a way back.
    """

    lengths: Sequence[int]
    batch_size: int
    steps: int
    tokens_per_epoch: int
    tokens: int
    referred: int = 0


@dataclass(frozen=True)
class Needs:
    """Bytes of memory and of disk, and seconds."""

    memory: int
    disk: int
    seconds: float


@dataclass(frozen=True)
class Room:
    """Free bytes of memory and of the disk that holds the job."""

    memory: int
    disk: int


Memory = Callable[[int, int], float]
"""Bytes that a step takes, by the rows of its batch and the tokens of the longest."""


@dataclass(frozen=True)
class Forecast:
    """What steps of this model take: its trial, bytes of its adapter, tokens it knows, threads of its crew."""

    trial: Trial
    adapter: int
    vocabulary: int
    crew: int

    def memory(self, rows: int, tokens: int) -> float:
        """Bytes that a step takes beside the model, by the rows of its batch and the tokens of the longest."""
        crew = min(self.crew, rows)
        chunk = min(likelihood.CHUNK, math.ceil(rows / crew) * tokens)
        # A part of the gradients from each of the crew, their sum, and two moments of the optimizer.
        fixed = self.adapter * (crew + 3) + LOGITS * 4 * chunk * self.vocabulary * crew
        return fixed + PASSING * rows * self.trial.kept(tokens)

    def needs(self, plan: Plan) -> Needs:
        """What the whole run takes."""
        crew = min(self.crew, plan.batch_size)
        return Needs(
            memory=round(self.memory(plan.batch_size, max(plan.lengths))),
            disk=_disk(self.adapter),
            seconds=self.trial.seconds((plan.tokens + FORWARD * plan.referred) / crew, plan.steps),
        )


def probe(objective: steps.Objective, items: Sequence[Any], crew: Crew) -> Forecast:
    """Try three short steps on what is longest among `items`."""
    trial = try_out(objective, max(items, key=objective.longest), crew)
    adapter = sum(4 * weight.numel() for weight in lora.trainable(objective.model))
    vocabulary = int(objective.model.get_base_model().get_output_embeddings().weight.shape[0])
    return Forecast(trial, adapter, vocabulary, crew.size)


def foresee(forecast: Forecast, plan: Plan, room: Room) -> dict[str, Any]:
    """Say what the run needs, as the fields of a message with a sentence.

    Raises:
        InsufficientMemory, DiskFull: it cannot fit into `room`; the error says what would.
    """
    needs = forecast.needs(plan)
    check(needs, room, plan, forecast.memory)
    return {"tokens_per_epoch": plan.tokens_per_epoch, "tokens": plan.tokens, **asdict(needs)} | {
        "memory_free": room.memory,
        "disk_free": room.disk,
        "message": in_words(plan, needs, room),
    }


def rows_that_fit(room: Room, plan: Plan, memory: Memory) -> int:
    """Return the largest batch, the plan's at most, that fits into the free memory; 0 if not even one row does."""
    longest = max(plan.lengths)
    return next((rows for rows in range(plan.batch_size, 0, -1) if memory(rows, longest) <= room.memory), 0)


def check(needs: Needs, room: Room, plan: Plan, memory: Memory) -> None:
    """Raise InsufficientMemory or DiskFull if `needs` are more than `room`, with what would fit."""
    if needs.disk + DISK_RESERVE > room.disk:
        raise DiskFull(
            f"The job needs {_size(needs.disk)} of disk for its checkpoints, but {_size(room.disk)} are free. "
            f"Free {_size(needs.disk + DISK_RESERVE - room.disk)} more where DATA_DIR is."
        )
    if needs.memory > room.memory:
        raise InsufficientMemory(
            f"A step on {_rows(plan)} would need {_size(needs.memory)} of memory beside the model, but "
            f"{_size(room.memory)} are free. {what_fits(room, plan, memory)}"
        )


def what_fits(room: Room, plan: Plan, memory: Memory) -> str:
    """Say which batch, else which length of a single row, would fit into the free memory."""
    longest = max(plan.lengths)
    if rows := rows_that_fit(room, plan, memory):
        return f"It would fit with a batch_size of {rows}."
    tokens = next((tokens for tokens in range(longest, 0, -1) if memory(1, tokens) <= room.memory), 0)
    if tokens:
        return f"It would fit with a batch_size of 1 and examples of at most {tokens} tokens (CONTEXT_TOKENS)."
    return "Free memory, or use a smaller base model."


def check_base(base: Path, dtype: torch.dtype, free: int) -> None:
    """Raise InsufficientMemory if loading the base model alone takes more than the free memory."""
    weights, largest = count_weights(base)
    needed = weights * dtype.itemsize + UNPACKING * 4 * largest
    if needed > free:
        raise InsufficientMemory(
            f"The base model {base.name} takes {_size(needed)} of memory in training, but {_size(free)} are free. "
            "Free memory, or use a smaller base model."
        )


def in_words(plan: Plan, needs: Needs, room: Room) -> str:
    """The forecast as one sentence for the job's first events."""
    return (
        f"Foreseen from three trial steps: {plan.tokens_per_epoch:,} tokens an epoch and {plan.tokens:,} in all, about "
        f"{_duration(needs.seconds)}; {_size(needs.memory)} of memory beside the model ({_size(room.memory)} free) and "
        f"{_size(needs.disk)} of disk ({_size(room.disk)} free)."
    )


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can be had without swapping: the machine's, or fewer if a container's limit is nearer."""
    available, within = int(psutil.virtual_memory().available), cgroup.free(root)
    return available if within is None else min(available, within)


def free_room(job_dir: Path) -> Room:
    """What is free now."""
    return Room(free_memory(), int(psutil.disk_usage(str(job_dir)).free))


def _disk(adapter: int) -> int:
    """Kept checkpoints and the next one in both formats, one amid an epoch, two optimizers, the finished adapter."""
    return adapter * (2 * (checkpoints.KEPT + 1) + 1 + 2 * 2 + 2)


def _rows(plan: Plan) -> str:
    thing = "row" if plan.batch_size == 1 else "rows"
    return f"{plan.batch_size} {thing} of up to {max(plan.lengths)} tokens"


def _size(count: float) -> str:
    return f"{count / MB / 1024:.1f} GB" if count >= 1024 * MB else f"{max(0, count) / MB:.0f} MB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
