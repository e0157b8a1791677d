"""One optimizer step and one evaluation, whatever the loss; a batch's rows are shared among the crew."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch

from engine.trainer import likelihood, lora
from engine.trainer.crew import Crew
from engine.trainer.data import Example
from engine.trainer.errors import TrainingDiverged

MAX_GRADIENT_NORM = 1.0

Loss = Callable[[], torch.Tensor]
"""A loss of its own rows, to go backwards from."""


@dataclass(frozen=True)
class Score:
    """Means over `weight` trained tokens, or pairs: the loss, the tokens guessed right, and whatever else is told."""

    loss: float
    accuracy: float
    weight: int
    also: dict[str, float]


class Objective(Protocol):
    """What a method trains: a model, and the loss of a batch of its rows."""

    @property
    def model(self) -> Any:
        """The base model with its adapter."""

    def weight(self, batch: Sequence[Any]) -> int:
        """Return over how many tokens, or pairs, the loss of a batch is a mean."""

    def loss(self, batch: Sequence[Any]) -> tuple[torch.Tensor, Score]:
        """Return the mean loss, to go backwards from, and the score."""

    def longest(self, item: Any) -> int:
        """Return the tokens of an item's longest sequence."""

    def piece(self, item: Any, tokens: int) -> Any:
        """Return the beginning of an item, all of it trained."""


@dataclass(frozen=True)
class Supervised:
    """Mean cross-entropy over the trained tokens of examples."""

    model: Any
    pad_id: int

    def weight(self, batch: Sequence[Example]) -> int:
        """Return the number of trained tokens."""
        return sum(map(likelihood.trained_tokens, batch))

    def loss(self, batch: Sequence[Example]) -> tuple[torch.Tensor, Score]:
        """Return the mean cross-entropy and its score."""
        found, right, _ = likelihood.of_answers(self.model, batch, self.pad_id)
        loss = -found.mean()
        return loss, Score(float(loss.detach()), float(right.float().mean()), len(found), {})

    def longest(self, item: Example) -> int:
        """Return the tokens of an example."""
        return len(item)

    def piece(self, item: Example, tokens: int) -> Example:
        """Return the beginning of an example, all of it trained."""
        ids = (item.ids * tokens)[:tokens]
        return replace(item, ids=ids, trained=[True] * len(ids))


def new_optimizer(peft_model: Any) -> torch.optim.Optimizer:
    """AdamW over the adapter alone, without weight decay."""
    return torch.optim.AdamW(lora.trainable(peft_model), weight_decay=0.0, fused=True)


def train_step(
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    learning_rate: float,
    batch: Sequence[Any],
    crew: Crew,
    beside: Sequence[Loss] = (),
) -> Score:
    """Take one optimizer step on one batch, and on losses `beside` its own, which its score does not tell.

    Raises:
        TrainingDiverged: the loss is not a finite number.
    """
    parameters = lora.trainable(objective.model)
    score, gradients = gradients_of(objective, batch, crew, beside)
    for parameter, *parts in zip(parameters, *gradients, strict=True):
        parameter.grad = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
    torch.nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
    optimizer.param_groups[0]["lr"] = learning_rate
    optimizer.step()
    optimizer.zero_grad()
    return score


def gradients_of(
    objective: Objective, batch: Sequence[Any], crew: Crew, beside: Sequence[Loss] = ()
) -> tuple[Score, Sequence[tuple[torch.Tensor, ...]]]:
    """Return the score of a batch, and the gradients of the adapter's parameters in the parts that the crew found."""
    parameters = lora.trainable(objective.model)
    whole = objective.weight(batch)

    def of_rows(share: Sequence[Any]) -> tuple[Score | None, tuple[torch.Tensor, ...]]:
        loss, score = objective.loss(share)
        return score, torch.autograd.grad(loss * (score.weight / whole), parameters)

    def of_loss(loss: Loss) -> tuple[Score | None, tuple[torch.Tensor, ...]]:
        return None, torch.autograd.grad(loss(), parameters)

    pieces = [*(partial(of_rows, share) for share in crew.share(batch)), *(partial(of_loss, loss) for loss in beside)]
    scores, parts = zip(*crew.work(lambda piece: piece(), pieces), strict=True)
    return _together([score for score in scores if score]), parts


def evaluate(objective: Objective, batches: Sequence[Sequence[Any]], crew: Crew) -> Score:
    """Return loss and accuracy over all rows of these batches; raise TrainingDiverged as `train_step` does."""

    def score(batch: Sequence[Any]) -> Score:
        with torch.no_grad():  # a thread's own setting
            return objective.loss(batch)[1]

    return _together(crew.work(score, batches))


def _together(scores: Sequence[Score]) -> Score:
    """Return the score of all; a step of a finite loss may have blown the weights up, so each is looked at."""
    whole = sum(score.weight for score in scores)
    if not all(math.isfinite(score.loss) for score in scores):
        raise TrainingDiverged("The training loss is no longer a finite number; lower learning_rate_multiplier.")

    def mean(values: Sequence[float]) -> float:
        return sum(value * score.weight for value, score in zip(values, scores, strict=True)) / whole

    also = {name: mean([score.also[name] for score in scores]) for name in scores[0].also}
    return Score(mean([score.loss for score in scores]), mean([score.accuracy for score in scores]), whole, also)
