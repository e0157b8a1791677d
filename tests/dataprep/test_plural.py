"""One of a thing is one, and of none or more there are several."""

import pytest

from dataprep.plural import counted


@pytest.mark.parametrize(("count", "told"), [(0, "0 examples"), (1, "1 example"), (12, "12 examples")])
def test_a_thing_is_counted_in_english(count: int, told: str) -> None:
    assert counted(count, "example") == told
