"""A training file in numbers, and what training on it would take: epochs, cost, minutes; it asks nobody."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, BinaryIO

from dataprep.estimate import Cost, Duration, Epochs, Price, estimate_cost, estimate_epochs, estimate_minutes
from dataprep.statistics import Statistics, statistics
from dataprep.tokens import FORMULA, Encoding, encoding_for

FALLBACK_ENCODING: Encoding = "o200k_base"


@dataclass(frozen=True)
class Outlook:
    """Statistics and estimates for one file; `counted` says by whose tokens and which formula they were counted."""

    statistics: Statistics
    counted: str
    epochs: Epochs
    cost: Cost
    duration: Duration

    def to_wire(self) -> dict[str, Any]:
        """Return all but the single lengths, as JSON has it."""
        shown = {one.name: getattr(self.statistics, one.name) for one in fields(Statistics) if one.name != "lengths"}
        for name in ("tokens", "answer_tokens", "turns", "characters"):
            shown[name] = {**asdict(shown[name]), "mean": round(shown[name].mean, 2)}
        shown["histogram"] = [one._asdict() for one in self.statistics.histogram]
        estimates = {"epochs": asdict(self.epochs), "cost": asdict(self.cost), "duration": asdict(self.duration)}
        return {"statistics": shown, "counted": self.counted, **estimates}


def look_ahead(
    stream: BinaryIO,
    model: str,
    prices: Mapping[str, Price],
    epochs: int | None = None,
    tokens_per_second: float | None = None,
) -> Outlook:
    """Count the file from the stream's position on, and estimate a training of `model` on it.

    `epochs` None takes the cookbook's rule; `tokens_per_second` is what this machine was measured to train.
    """
    known = encoding_for(model)
    found = statistics(stream, encoding=known or FALLBACK_ENCODING)
    chosen = estimate_epochs(found.examples) if epochs is None else Epochs(epochs, "as given")
    whose = f"{known}, the encoding of {model}" if known else f"{FALLBACK_ENCODING}, for that of '{model}' is not known"
    return Outlook(
        found,
        f"{whose}: {FORMULA}",
        chosen,
        estimate_cost(found.lengths, chosen.epochs, model, prices),
        estimate_minutes(found.tokens.total, chosen.epochs, tokens_per_second),
    )
