"""The figures of a training step by step, as a result file or events have them; pure."""

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
# What an event calls otherwise than a result file does.
_IN_EVENTS = {"train_accuracy": "train_mean_token_accuracy"}

Point = dict[str, float | None]  # `step` is a whole number


def of_result(content: bytes) -> list[Point]:
    """Return the points of a result file, which OpenAI sends in base64 since 2024; what is no number is None."""
    if not content.lstrip().startswith(b"step"):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            return []
    rows = csv.DictReader(io.StringIO(content.decode("utf-8", "replace")))
    return _in_order(_point(row) for row in rows)


def of_events(events: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Return the points of those events that tell of a step; of one that was told twice the later."""
    data = (event.get("data") for event in events)
    steps = (one for one in data if isinstance(one, dict) and one.keys() >= {"step", "train_loss"})
    return _in_order(_point({**one, **{name: one.get(other) for name, other in _IN_EVENTS.items()}}) for one in steps)


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most about `most` points: every n-th and the last, and those that were validated, if they are few."""
    stride = max(1, math.ceil(len(points) / most))
    validated = [at for at, point in enumerate(points) if point["valid_loss"] is not None]
    kept = {
        *range(0, len(points), stride),
        *range(len(points))[-1:],
        *(validated if len(validated) <= most / 4 else ()),
    }
    return [points[at] for at in sorted(kept)]


def to_csv(points: Iterable[Point]) -> str:
    """Return points as a table with a line of headings; an empty cell is no figure."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(points)
    return text.getvalue()


def _in_order(points: Iterable[Point]) -> list[Point]:
    by_step = {
        int(point["step"]): {**point, "step": int(point["step"])} for point in points if point["step"] is not None
    }
    return [point for _, point in sorted(by_step.items())]


def _point(figures: Mapping[str, Any]) -> Point:
    return {name: _number(figures.get(name)) for name in COLUMNS}


def _number(value: Any) -> float | None:
    """A finite number, of a text too."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
