"""Whether this machine has the walls that the tests are about, and what is said where it has none."""

import pytest

import sandbox

WITHOUT = f"The sandbox was NOT tested: {sandbox._tried()[1]}; apt-get install bubblewrap"


def needed() -> pytest.MarkDecorator:
    """Leave a test out, loudly, where bubblewrap does not work."""
    return pytest.mark.skipif(bool(sandbox._tried()[1]), reason=WITHOUT)
