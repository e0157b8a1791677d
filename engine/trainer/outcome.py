"""Whether a run really trained, judged by its own figures: a sentence for its events, or the error it ends with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from engine.trainer.errors import LossIncreased, ModelUnchanged, WeightsUnmoved

ROUNDING = 1e-6  # relative: the same rows in the same shares give the same loss to the bit, in other shares within 1e-7


@dataclass(frozen=True)
class Figures:
    """The loss of the first batch's rows before the training and after it, how far the weights have moved, how many of
    some greedy answers to training prompts are no longer the base model's, and whether sampled ones are."""

    first_loss: float
    last_loss: float
    weights_moved: float
    answers: int
    changed: int
    told_apart: bool


@dataclass(frozen=True)
class Outcome:
    """A sentence for the job's events and its level."""

    level: str
    message: str


def judge(figures: Figures, history: Sequence[Mapping[str, Any]]) -> Outcome:
    """Say what the training has changed; `history` has the steps' metrics.

    Raises:
        WeightsUnmoved, ModelUnchanged, LossIncreased: it is no training that may be published.
    """
    first, last = figures.first_loss, figures.last_loss
    answers = f"{figures.changed} of {figures.answers} greedy answers to training prompts are not the base model's"
    if not figures.weights_moved > 0:
        raise WeightsUnmoved(
            "The training moved no weight. Raise learning_rate_multiplier, or give rows that it does not know yet."
        )
    numbers = f"{first:.4f} before the training and {last:.4f} after it"
    if abs(last - first) <= ROUNDING * max(1.0, first):
        raise ModelUnchanged(
            f"The training left the model as it was: the loss of the first batch's rows is {numbers}. "
            "Raise learning_rate_multiplier or n_epochs; in pairs of dpo, the two answers must differ."
        )
    if not figures.told_apart:
        raise ModelUnchanged(
            f"The training changed no answer: the loss of the first batch's rows is {numbers}, but its answers "
            "are the base model's, greedy ones and sampled ones alike. Raise learning_rate_multiplier or n_epochs."
        )
    if last < first:
        level = "info" if figures.changed else "warn"
        return Outcome(level, f"The loss of the first batch's rows fell: {numbers}; {answers}.")
    why = _excuse(history)
    if why is None:
        raise LossIncreased(
            f"The loss of the first batch's rows rose: {numbers}. So the model is not published; "
            "lower learning_rate_multiplier."
        )
    told = f"The loss of the first batch's rows did not fall: {numbers}. The model is published all the same, for {why}"
    return Outcome("warn", f"{told}; {answers}.")


def _excuse(history: Sequence[Mapping[str, Any]]) -> str | None:
    """What tells that the model learned although the first batch's few rows do not; None if nothing does."""
    valid = [float(row["full_valid_loss"]) for row in history if "full_valid_loss" in row]
    if len(valid) > 1:  # who gave rows to judge by has the training judged by them
        return _fall("the loss of the validation file", valid[0], valid[-1])
    losses = [float(row["train_loss"]) for row in history if "train_loss" in row]
    half = len(losses) // 2
    if not half:
        return None
    return _fall("the loss of the steps, on average of each half,", fmean(losses[:half]), fmean(losses[-half:]))


def _fall(what: str, before: float, after: float) -> str | None:
    return f"{what} fell from {before:.4f} to {after:.4f}" if after < before else None
