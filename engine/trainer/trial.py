"""Three short trial steps that change nothing: what autograd keeps for the way back, and how long a step takes.

Only the last one goes back as well: what is kept is known before, and the two others are there for the curve.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.trainer import lora
from engine.trainer.crew import Crew
from engine.trainer.steps import Objective

TOKENS = 24  # of a row of the last trial; a quarter and a half of it go first and pay for the warming up
LEAST_SHARE = 0.3  # of a trial's time that surely grows with the tokens, whatever a busy machine measures


@dataclass(frozen=True)
class Trial:
    """Tokens of each trial's row, bytes kept for it, seconds of the way there, and of the last one's both ways."""

    tokens: Sequence[int]
    bytes: Sequence[float]
    forward: Sequence[float]
    whole: float

    def kept(self, tokens: int) -> float:
        """Bytes that autograd keeps for one row of so many tokens: a parabola, for attention may be a square."""
        curve = np.polyfit(self.tokens, self.bytes, len(self.tokens) - 1)
        # Never below the last trial's slope: so small a sample may not bend the curve down.
        return max(float(np.polyval(curve, tokens)), self.bytes[-1] / self.tokens[-1] * tokens)

    def seconds(self, tokens: float, steps: int) -> float:
        """Seconds of `steps` steps with so many tokens in all for each of the crew."""
        (less, more), (sooner, later) = self.tokens[-2:], self.forward[-2:]
        growing = (later - sooner) / (more - less) * more / later
        share = min(1.0, max(LEAST_SHARE, growing))
        return self.whole * (share / more * tokens + (1 - share) * steps)


def try_out(objective: Objective, item: Any, crew: Crew) -> Trial:
    """Ask for three short pieces of `item`, one for each of the crew at once, and drop what comes of it."""
    longest = min(TOKENS, objective.longest(item))
    lengths = sorted({max(3, longest // 4), max(4, longest // 2), max(5, longest)})
    kept, forward, whole = list[float](), list[float](), 0.0
    for length in lengths:
        pieces = [[objective.piece(item, length)]] * crew.size
        started = time.perf_counter()
        last = length == lengths[-1]
        found = crew.work(lambda piece, last=last: _there_and_back(objective, piece, last), pieces)  # type: ignore[misc]
        whole = time.perf_counter() - started
        kept.append(float(found[0][0]))
        forward.append(max(seconds for _, seconds in found))
    return Trial(lengths, kept, forward, whole)


def _there_and_back(objective: Objective, batch: Sequence[Any], back: bool) -> tuple[int, float]:
    """Return the bytes that were kept for the way back, but for the model's own weights, and the seconds until then."""
    known = {weight.untyped_storage().data_ptr() for weight in objective.model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    started = time.perf_counter()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss, _ = objective.loss(batch)
    seconds = time.perf_counter() - started
    if back:
        torch.autograd.grad(loss, lora.trainable(objective.model))
    return sum(kept.values()), seconds
