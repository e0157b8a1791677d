"""Whatever an upstream does: an answer in time, in our shape, with a status that fits: bench/upstreams.py in short."""

import random

import pytest

from bench.upstreams import run
from services import creates


def test_every_kind_of_misbehaviour_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creates, "LOOKS", creates.LOOKS)  # which the driver changes
    seed = random.SystemRandom().randrange(10**6)
    outcomes = run(0, random.Random(seed))
    assert len(outcomes) > 60
    assert [f"{one.what}: {one.told}, {one.seconds:.2f} s: {one.wrong}" for one in outcomes if one.wrong] == [], seed
