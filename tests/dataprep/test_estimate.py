"""Epochs by the published rule, prices from a table, and what stays unknown."""

from pathlib import Path

import pytest

from dataprep.estimate import (
    BadPrices,
    Price,
    estimate_cost,
    estimate_epochs,
    estimate_minutes,
    example_limit,
    load_prices,
)

MINE = """
[models."my-model"]
training = 2
source = "https://example.com/prices"
as_of = "2026-11-01"
max_example_tokens = 100
"""


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(1, 25), (4, 25), (5, 20), (10, 10), (33, 3), (34, 3), (8333, 3), (8334, 2), (12_501, 1), (30_000, 1)],
)
def test_epochs_follow_the_published_rule_and_show_it(examples: int, epochs: int) -> None:
    estimate = estimate_epochs(examples)
    assert estimate.epochs == epochs
    assert str(examples) in estimate.formula
    assert estimate.formula.endswith(str(epochs))


def test_no_examples_are_no_division_by_nought() -> None:
    assert "no examples" in estimate_epochs(0).formula


def test_a_cost_shows_its_sum_its_day_and_its_source() -> None:
    cost = estimate_cost([600_000, 400_000], 3, "m", {"m": Price("m", 5.0, as_of="2026-07", source="https://e.com")})
    assert (cost.usd, cost.tokens) == (15.0, 3_000_000)
    for word in ("3000000", "3 epochs", "$5 per million", "$15.00", "2026-07", "https://e.com"):
        assert word in cost.formula


def test_what_is_cut_off_a_long_example_is_not_paid_for() -> None:
    prices = {"m": Price("m", 1.0, max_example_tokens=4096)}
    # The set of the cookbook's example, whose five lengths sum to 8242.
    assert estimate_cost([8032, 45, 40, 64, 61], 20, "m", prices).tokens == 20 * 4306


@pytest.mark.parametrize(
    ("model", "limit"),
    [("my-model", 100), ("ft:my-model:org::id", 100), ("gpt-4o-mini", 65_536), ("no-such-model", None)],
)
def test_how_long_an_example_may_be_stands_in_the_table(model: str, limit: int | None, tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(MINE)
    assert example_limit(model, load_prices(table)) == limit


@pytest.mark.parametrize("model", ["gpt-3.5-turbo-1106", "no-such-model", "ft:gpt-3.5-turbo-1106:org::id"])
def test_an_unknown_price_is_unknown_and_not_nothing(model: str) -> None:
    cost = estimate_cost([10], 3, model, load_prices())
    assert cost.usd is None
    assert cost.tokens == 30
    assert "unknown" in cost.formula


def test_a_fine_tune_costs_what_its_base_costs() -> None:
    base = estimate_cost([10], 3, "gpt-4.1-2025-04-14", load_prices())
    assert base.usd == pytest.approx(30 * 25 / 1e6)
    assert estimate_cost([10], 3, "ft:gpt-4.1-2025-04-14:org:x:id", load_prices()).usd == base.usd


def test_a_name_without_a_date_means_the_newest_model_of_that_name() -> None:
    prices = {
        name: Price(name, rate)
        for name, rate in (("m-2024-05-13", 9.0), ("m-2024-08-06", 5.0), ("m-mini-2025-01-01", 1.0))
    }
    cost = estimate_cost([1_000_000], 1, "m", prices)
    assert (cost.usd, "m-2024-08-06's price" in cost.formula) == (5.0, True)
    assert estimate_cost([1_000_000], 1, "m", prices | {"m": Price("m", 7.0)}).usd == 7.0
    assert estimate_cost([10], 1, "gpt-4o-mini", load_prices()).usd == pytest.approx(30 / 1e6)


def test_every_price_of_ours_has_a_day_and_a_source() -> None:
    for price in load_prices().values():
        assert price.as_of.startswith("2026-")
        assert price.source.startswith("https://")


def test_a_table_of_ones_own_goes_over_ours(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(MINE + '[models."gpt-4o-mini-2024-07-18"]\ntraining = 1.5\n', encoding="utf-8")
    prices = load_prices(table)
    assert prices["my-model"].training == 2
    assert prices["my-model"].output is None
    assert prices["gpt-4o-mini-2024-07-18"].training == 1.5
    assert prices["gpt-4.1-2025-04-14"] == load_prices()["gpt-4.1-2025-04-14"]
    assert estimate_cost([200], 1, "my-model", prices).tokens == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[models", "prices.toml: Expected"),
        ("x = 1", "models"),
        ('[models."m"]\ntraining = "cheap"', "'training' of 'm'"),
        ('[models."m"]\ntraining = -1', "'training' of 'm'"),
        ('[models."m"]\ntraining = nan', "'training' of 'm'"),
        ('[models."m"]\ntrainig = 1', "nothing else"),
        ('[models."m"]\nmax_example_tokens = 0', "above 0"),
        ('[models."m"]\nas_of = 2026-01-01', "quotation marks"),
        ("models.m = 3", "nothing else"),
    ],
)
def test_a_broken_table_is_refused_with_the_reason(text: str, words: str, tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(BadPrices, match=words):
        load_prices(table)


def test_minutes_come_from_the_measured_speed_and_say_what_they_assume() -> None:
    duration = estimate_minutes(60_000, 3, 100.0)
    assert duration.minutes == pytest.approx(30)
    for word in ("60000 tokens", "3 epochs", "100 tokens a second", "assumes", "loading"):
        assert word in duration.assumes


@pytest.mark.parametrize("speed", [None, 0.0, -1.0, float("nan")])
def test_without_a_measurement_there_are_no_minutes(speed: float | None) -> None:
    assert estimate_minutes(60_000, 3, speed).minutes is None
