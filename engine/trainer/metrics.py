"""The result file: one CSV row per optimizer step, as OpenAI's result files have it."""

from collections.abc import Sequence
from typing import Any

COLUMNS = {  # column of the file: key of the step's metrics
    "step": "step",
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}


def to_csv(history: Sequence[dict[str, Any]]) -> str:
    """Header and rows, at most five decimals, an empty cell where nothing was evaluated."""
    rows = [",".join(_cell(row.get(key)) for key in COLUMNS.values()) for row in history]
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(round(value, 5)) if isinstance(value, float) else str(value)
