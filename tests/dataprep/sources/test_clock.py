"""Times in all the shapes that exports have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.sources.clock import seconds_at, seconds_of

NINE = 1740819600.0


@pytest.mark.parametrize(
    "value",
    [
        *("2025-03-01 09:00:00", "2025/3/1 9:00", "2025/03/01 9:00:00", "2025-03-01T09:00:00Z", "2025.3.1 9:00:00"),
        *("2025-03-01T17:00:00+08:00", "2025-03-01T04:30:00.000-0430", " 2025-03-01 09:00 "),
        *(1740819600, 1740819600.0, "1740819600", 1740819600000, "1740819600000"),
    ],
)
def test_a_time_is_read_in_any_shape(value: object) -> None:
    assert seconds_of(value) == NINE


def test_fractions_are_kept() -> None:
    assert seconds_of("2025-03-01 09:00:00,25") == NINE + 0.25


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "2025-02-30 09:00:00", "2025-03-01", "2025-03-01 24:00:00", "٢٠٢٥-03-01 09:00:00", "9" * 400),
        *(0, -1, 10**400, float("nan"), float("inf"), True, None, [], "0001-01-01 00:00:00+23:59", "-5"),
    ],
)
def test_what_is_no_time_is_none(value: object) -> None:
    assert seconds_of(value) is None


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.from_regex(r"\d{1,20}(\.\d{1,12})?")))
def test_nothing_upsets_it(value: object) -> None:
    seconds = seconds_of(value)
    assert seconds is None or 0 < seconds < 253_402_300_800


def test_microseconds_are_told_by_their_size() -> None:
    assert seconds_of(1740819600_000_000) == seconds_of("1740819600000000") == NINE


@pytest.mark.parametrize("figures", [(2025, 2, 30), (2025, 13, 1), (0, 1, 1), (2025, 3, 1, 24), (10**30, 1, 1)])
def test_a_moment_that_never_was_is_none(figures: tuple[int, ...]) -> None:
    assert seconds_at(*figures) is None


def test_a_moment_in_figures_is_read_as_utc() -> None:
    assert seconds_at(2025, 3, 1, 9) == NINE
