"""Which rows an epoch trains, and in which batches."""

from typing import Any

from engine.trainer import recipe
from engine.trainer.data import Dataset


def as_trained_in(training: Dataset[Any], epoch: int) -> list[Any]:
    """The rows as `epoch` trains them; validation is epoch 0 and never goes without system messages."""
    if not training.bare or epoch == 0:
        return training.examples
    count = len(training.examples)
    return [
        training.bare[row] if recipe.leaves_out_system(count, row, epoch) else training.examples[row]
        for row in range(count)
    ]


def batches(dataset: Dataset[Any], batch_size: int, seed: int, epoch: int) -> list[list[Any]]:
    """The rows of `epoch` in batches, in an order drawn from `seed` and `epoch`."""
    examples = as_trained_in(dataset, epoch)
    order = recipe.batches([len(example) for example in examples], batch_size, seed, epoch)
    return [[examples[row] for row in rows] for rows in order]


def tokens_seen(training: Dataset[Any], epochs: int) -> int:
    """Tokens that went through the model, padding apart: what a row loses without its system message is not counted."""
    return sum(len(example) for epoch in range(1, epochs + 1) for example in as_trained_in(training, epoch))
