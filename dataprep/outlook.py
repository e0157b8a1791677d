"""A training file in numbers, and what training on it would take: epochs, cost, minutes; it asks nobody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, BinaryIO

from dataprep.estimate import Cost, Duration, Epochs, Price, estimate_cost, estimate_epochs, estimate_minutes
from dataprep.statistics import Statistics, recount, statistics
from dataprep.tokens import FORMULA, Encoding, encoding_for

FALLBACK_ENCODING: Encoding = "o200k_base"


@dataclass(frozen=True)
class Counts:
    """Another's count of each example's tokens and of those that are learned, in the file's order; `by` says whose."""

    tokens: Sequence[int]
    answer_tokens: Sequence[int]
    by: str


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
            spread = asdict(shown[name])
            quantiles = {key: round(spread[key], 1) for key in ("p5", "p50", "p95")}
            shown[name] = {**spread, **quantiles, "mean": round(shown[name].mean, 2)}
        shown["histogram"] = [one._asdict() for one in self.statistics.histogram]
        estimates = {"epochs": asdict(self.epochs), "cost": asdict(self.cost), "duration": asdict(self.duration)}
        return {"statistics": shown, "counted": self.counted, **estimates}


def look_ahead(
    stream: BinaryIO,
    model: str,
    prices: Mapping[str, Price],
    epochs: int | Callable[[int], Epochs] = estimate_epochs,
    tokens_per_second: float | None = None,
    counts: Counts | None = None,
) -> Outlook:
    """Count the file from the stream's position on, and estimate a training of `model` on it.

    `epochs` may be a rule, which is asked with the number of examples; `tokens_per_second` is what this machine was
    measured to train. `counts` that do not fit the file's examples are as good as none.
    """
    found, counted = (counts and _counted_by_another(stream, counts)) or _counted_by_us(stream, model)
    chosen = Epochs(epochs, "as given") if isinstance(epochs, int) else epochs(found.examples)
    return Outlook(
        found,
        counted,
        chosen,
        estimate_cost(found.lengths, chosen.epochs, model, prices),
        estimate_minutes(found.tokens.total, chosen.epochs, tokens_per_second),
    )


def _counted_by_us(stream: BinaryIO, model: str) -> tuple[Statistics, str]:
    known = encoding_for(model)
    whose = f"{known}, the encoding of {model}" if known else f"{FALLBACK_ENCODING}, for that of '{model}' is not known"
    return statistics(stream, encoding=known or FALLBACK_ENCODING), f"{whose}: {FORMULA}"


def _counted_by_another(stream: BinaryIO, counts: Counts) -> tuple[Statistics, str] | None:
    """None, with the stream where it was, if the counts do not fit; else no vocabulary was loaded."""
    beginning = stream.tell()
    found = statistics(stream, encoding=None)
    try:
        return recount(found, counts.tokens, counts.answer_tokens), counts.by
    except ValueError:
        stream.seek(beginning)
        return None
