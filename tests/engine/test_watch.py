"""A training that stands still is told from one that is slow."""

import pytest

from engine.watch import Watch
from tests.fakes.clock import Clock


def passed(clock: Clock, watch: Watch, seconds: int) -> bool:
    """Let so many seconds pass, one look a second; say whether it stands still after that."""
    for _ in range(seconds):
        clock.now += 1
        still = watch.stands_still()
    return still


def test_any_line_is_a_sign_of_work() -> None:
    clock = Clock(100.0)
    watch = Watch(60, clock)
    for _ in range(5):
        assert not passed(clock, watch, 60)
        watch.hear({"kind": "working"})
    assert not passed(clock, watch, 60)
    assert passed(clock, watch, 1)


@pytest.mark.parametrize(("step_seconds", "patience"), [(0.1, 60), (30.0, 600)])
def test_a_training_of_slow_steps_has_more_patience_and_one_of_quick_steps_no_less(
    step_seconds: float, patience: int
) -> None:
    clock = Clock(100.0)
    watch = Watch(60, clock)
    watch.hear({"kind": "pace", "step_seconds": step_seconds})
    assert not passed(clock, watch, patience)
    assert passed(clock, watch, 1)


def test_the_time_for_which_one_was_stopped_oneself_is_no_silence() -> None:
    clock = Clock(100.0)
    watch = Watch(60, clock)
    clock.now += 10_000
    assert not watch.stands_still()
    assert passed(clock, watch, 60)
