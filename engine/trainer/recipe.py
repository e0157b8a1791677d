"""The training recipe as pure functions: settled hyperparameters, learning rate schedule, batches, the plan in words.

Figures behind the constants are in docs/log.md; nothing here touches a model or a file.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from wire import auto

PEAK_LEARNING_RATE = 5e-4  # at learning_rate_multiplier 1
SETTLED = ("n_epochs", "batch_size", "learning_rate_multiplier")
PAIRS_MULTIPLIER = 0.2
BETA = 0.1  # of direct preference optimisation, as in its paper
WARMUP_SHARE = 0.1
FINAL_SHARE = 0.05
LENGTH_STEP = 8  # tokens; rows whose length falls in the same step count as equally long
WINDOW_BATCHES = 50  # batches are sorted by length within windows of this many


@dataclass(frozen=True)
class Requested:
    """Hyperparameters as asked for; None stands for `auto`."""

    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    beta: float | None = None


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters as settled."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    steps_per_epoch: int
    beta: float | None = None  # of pairs; None for a method without one

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.n_epochs * self.steps_per_epoch

    @property
    def peak_learning_rate(self) -> float:
        """The highest learning rate of the schedule."""
        return PEAK_LEARNING_RATE * self.learning_rate_multiplier

    @property
    def hyperparameters(self) -> dict[str, float]:
        """What the job's object shows of it, by its names."""
        shown: dict[str, float] = {name: getattr(self, name) for name in SETTLED}
        return shown if self.beta is None else shown | {"beta": self.beta}


def settle(requested: Requested, examples: int, pairs: bool = False) -> Recipe:
    """Settle every `auto` field for a set of `examples` rows, or `pairs`, given whatever the others were set to."""
    batch_size = requested.batch_size or auto.batch_size(examples)
    steps_per_epoch = math.ceil(examples / batch_size)
    rate = PAIRS_MULTIPLIER if pairs else auto.multiplier(examples)
    epochs = auto.epochs_of_pairs if pairs else auto.epochs
    return Recipe(
        n_epochs=requested.n_epochs or epochs(examples, steps_per_epoch),
        batch_size=batch_size,
        learning_rate_multiplier=requested.learning_rate_multiplier or rate,
        steps_per_epoch=steps_per_epoch,
        beta=(requested.beta or BETA) if pairs else None,
    )


def leaves_out_system(examples: int, row: int, epoch: int) -> bool:
    """Whether 0-based `row` is trained on without its system message in `epoch`: every second time, in small sets.

    A small set is else learned only together with its system message, and `POST /chat` with a text sends none.
    """
    return examples < auto.SMALL_SET and (row + epoch) % 2 == 0


def learning_rate(recipe: Recipe, step: int) -> float:
    """The learning rate of 1-based `step`: a linear rise over the first tenth, then a linear fall to a twentieth."""
    warmup = max(1, round(WARMUP_SHARE * recipe.total_steps))
    if step <= warmup:
        return recipe.peak_learning_rate * step / warmup
    left = (recipe.total_steps - step) / max(1, recipe.total_steps - warmup)
    return recipe.peak_learning_rate * max(FINAL_SHARE, left)


def batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Row indices of each batch of one epoch: rows of like length together, order drawn from `seed` and `epoch`."""
    rng = random.Random(f"{seed}:{epoch}")  # noqa: S311 - shuffling rows, not keeping secrets
    rows = list(range(len(lengths)))
    rng.shuffle(rows)
    window = WINDOW_BATCHES * batch_size
    grouped: list[list[int]] = []
    for start in range(0, len(rows), window):
        nearby = sorted(rows[start : start + window], key=lambda row: lengths[row] // LENGTH_STEP)
        grouped += [nearby[i : i + batch_size] for i in range(0, len(nearby), batch_size)]
    rng.shuffle(grouped)
    return grouped


def in_words(recipe: Recipe, requested: Requested, examples: int, cut: str = "", bare: bool = False) -> str:
    """The plan as one sentence for the job's first events; `cut` says what the limit on tokens has done."""
    chosen = [name for name in recipe.hyperparameters if getattr(requested, name) is None]
    by_itself = f" ({', '.join(chosen)} chosen automatically)" if chosen else ""
    also = "; every second time without its system message, since chats may come without one" if bare else ""
    thing = "example" if recipe.beta is None else "pair"
    beta = "" if recipe.beta is None else f" and a beta of {recipe.beta:g}"
    return (
        f"Training on {examples} {thing}{'s' if examples != 1 else ''}: {recipe.n_epochs} epochs in batches of "
        f"{recipe.batch_size}, {recipe.total_steps} optimizer steps at a learning rate of up to "
        f"{recipe.peak_learning_rate:g}{beta}{by_itself}{also}{cut}."
    )


def shrunk_in_words(recipe: Recipe, requested: Requested, examples: int) -> str:
    """What the free memory has done to the batch that `auto` stands for, for the plan's sentence; empty if nothing."""
    usual = auto.batch_size(examples)
    shrunk = requested.batch_size is None and recipe.batch_size < usual
    return f"; a batch of {usual}, as it would be else, does not fit into the free memory" if shrunk else ""


def cut_in_words(truncated: int, left_out: int) -> str:
    """What the limit on tokens has done to the rows, for the plan's sentence; empty if nothing."""
    cut = f"; {truncated} too long for the model's limit and cut at the end" if truncated else ""
    gone = f"; {left_out} left out, for the limit comes before their first trained answer" if left_out else ""
    return cut + gone
