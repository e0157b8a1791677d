"""What callers were told outlasts kill -9 of everything: bench/service_kills.py in short."""

import random

from bench.service_kills import run


def test_what_was_told_outlasts_the_death_of_the_whole_service() -> None:
    seed = random.SystemRandom().randrange(10**6)
    oracle, starts = run(3, seed)
    assert oracle.wrong == [], seed
    assert len(starts) == 3
    assert oracle.files, seed
