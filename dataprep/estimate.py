"""Estimates epochs, cost and time of a training, and says by which formula and on what grounds; it measures nothing."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep.plural import counted

OUR_PRICES = Path(__file__).with_name("prices.toml")
# OpenAI's published rule of thumb.
TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES, MAX_TARGET_EXAMPLES = 100, 25_000
MIN_EPOCHS, MAX_EPOCHS = 1, 25
_RATES = ("training", "input", "cached_input", "output")
_WORDS = ("as_of", "source", "note")
_MILLION = 1_000_000
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class BadPrices(ValueError):
    """A price table cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """A number of epochs, and the sum that leads to it."""

    epochs: int
    formula: str


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, as of a date; None is unknown, not free."""

    model: str
    training: float | None = None
    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    max_example_tokens: int | None = None
    as_of: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training costs in US dollars; `usd` is None where the price is unknown, `formula` says how and whence.

    `as_of` is the day of the price, None where there is no price or it has no day.
    """

    usd: float | None
    tokens: int
    formula: str
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a training takes on this machine; None where nobody has measured it."""

    minutes: float | None
    assumes: str


def estimate_epochs(examples: int) -> Epochs:
    """Return how often a set of this size is gone through, by the rule that OpenAI's cookbook gives for `auto`."""
    wanted = examples * TARGET_EPOCHS
    if examples <= 0:
        return Epochs(TARGET_EPOCHS, "no examples: nothing to go through")
    if wanted < MIN_TARGET_EXAMPLES:
        epochs = min(MAX_EPOCHS, MIN_TARGET_EXAMPLES // examples)
        why = f"{examples} x {TARGET_EPOCHS} < {MIN_TARGET_EXAMPLES}: "
        return Epochs(epochs, f"{why}min({MAX_EPOCHS}, {MIN_TARGET_EXAMPLES} // {examples}) = {epochs}")
    if wanted > MAX_TARGET_EXAMPLES:
        epochs = max(MIN_EPOCHS, MAX_TARGET_EXAMPLES // examples)
        why = f"{examples} x {TARGET_EPOCHS} > {MAX_TARGET_EXAMPLES}: "
        return Epochs(epochs, f"{why}max({MIN_EPOCHS}, {MAX_TARGET_EXAMPLES} // {examples}) = {epochs}")
    why = f"{MIN_TARGET_EXAMPLES} <= {examples} x {TARGET_EPOCHS} <= {MAX_TARGET_EXAMPLES}: "
    return Epochs(TARGET_EPOCHS, f"{why}the target of {TARGET_EPOCHS}")


def load_prices(path: Path | None = None) -> dict[str, Price]:
    """Return the price of each model: ours, and over them those of the table at `path`; raises BadPrices, OSError."""
    prices = _read_prices(OUR_PRICES)
    return prices if path is None else prices | _read_prices(path)


def estimate_cost(lengths: Iterable[int], epochs: int, model: str, prices: Mapping[str, Price]) -> Cost:
    """Return what `epochs` over examples of these lengths (in tokens) cost on a model, fine-tuned already or not."""
    price = _price_of(model, prices)
    limit = price.max_example_tokens
    tokens = epochs * sum(length if limit is None else min(length, limit) for length in lengths)
    if price.training is None:
        reason = price.note or f"no price of '{model}' is known. Give one in a price table of your own."
        return Cost(None, tokens, f"{tokens} tokens x unknown: {reason}")
    usd = tokens * price.training / _MILLION
    cut = f", at most {limit} of an example" if limit else ""
    whence = f"{price.model}'s price of {price.as_of or 'an unknown day'}, {price.source or 'no source given'}"
    formula = (
        f"{tokens} tokens in {counted(epochs, 'epoch')}{cut} x ${price.training:g} per million = ${usd:.2f} ({whence})"
    )
    return Cost(usd, tokens, f"{formula}. {price.note}".rstrip(". ") + ".", price.as_of or None)


def example_limit(model: str, prices: Mapping[str, Price]) -> int | None:
    """Return how many tokens of an example are trained on a model, fine-tuned already or not; None if nobody knows."""
    return _price_of(model, prices).max_example_tokens


def _price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """The price of a model, of the base of a fine-tune, or of the newest of the dated models that a bare name means."""
    base = model.removeprefix("ft:").partition(":")[0]
    dated = max((name for name in prices if _DATED.sub("", name) == base), default="")
    return prices.get(model) or prices.get(base) or prices.get(dated) or Price(model)


def estimate_minutes(tokens: int, epochs: int, tokens_per_second: float | None) -> Duration:
    """Return the minutes of training on this machine, given how many tokens a second it was measured to train."""
    if tokens_per_second is None or not tokens_per_second > 0:
        return Duration(None, "unknown: nobody has measured how many tokens a second this machine trains")
    minutes = tokens * epochs / tokens_per_second / 60
    assumes = (
        f"{tokens} tokens x {counted(epochs, 'epoch')} / {tokens_per_second:g} tokens a second; assumes a machine as"
        " idle as when it was measured and examples as long, and leaves out loading the model, validation and export"
    )
    return Duration(minutes, assumes)


def _read_prices(path: Path) -> dict[str, Price]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadPrices(f"{path}: {error}") from None
    models = table.get("models")
    if not isinstance(models, dict):
        raise BadPrices(f'{path}: no [models."NAME"] in it')
    return {model: _read_price(path, model, entry) for model, entry in models.items()}


def _read_price(path: Path, model: str, entry: Any) -> Price:
    """One entry as a Price, nothing taken on trust."""
    known = set(Price.__slots__) - {"model"}
    if not isinstance(entry, dict) or not entry.keys() <= known:
        raise BadPrices(f"{path}: the entry of '{model}' may have {', '.join(sorted(known))}, nothing else")
    for key, value in entry.items():
        if key in _RATES and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
            raise BadPrices(f"{path}: '{key}' of '{model}' must be dollars per million tokens, not {value!r}")
        if key == "max_example_tokens" and (not isinstance(value, int) or value < 1):
            raise BadPrices(f"{path}: '{key}' of '{model}' must be a whole number above 0, not {value!r}")
        if key in _WORDS and not isinstance(value, str):
            raise BadPrices(f"{path}: '{key}' of '{model}' must be text in quotation marks, not {value!r}")
    return Price(model, **entry)
