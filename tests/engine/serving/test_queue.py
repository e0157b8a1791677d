"""Callers of one model beyond the answers that it writes at once wait in their order, within bounds, and with signs."""

import dataclasses
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.serving.line import PATIENCE
from engine.serving.pool import Pool
from engine.serving.process import ModelProcess, ServedModel
from engine.serving.room import PoolSettings
from tests.engine.serving.conftest import SETTINGS, lent
from tests.fakes.clock import Clock
from wire.errors import Unavailable

WAITS = "waits"
Arrival = Generator[str, None, ModelProcess]


def has_arrived(arrival: Arrival) -> bool:
    try:
        return next(arrival) != WAITS
    except StopIteration:
        return True


def test_as_many_are_answered_at_once_as_the_model_writes_and_the_next_in_their_order(
    pool: Pool, base: ServedModel
) -> None:
    with lent(pool, base), pool.lease(base, WAITS) as third, pool.lease(base, WAITS) as fourth:
        with lent(pool, base):
            assert not has_arrived(third)
            assert not has_arrived(fourth)
        assert not has_arrived(fourth), "who came earlier goes first"
        assert has_arrived(third)
        assert not has_arrived(fourth)


def test_several_answers_to_one_question_wait_until_all_can_be_written_and_are_not_overtaken(
    pool: Pool, base: ServedModel
) -> None:
    with pool.lease(base, WAITS, answers=5) as many, pool.lease(base, WAITS) as one:
        with lent(pool, base):
            assert not has_arrived(many)
            assert not has_arrived(one)
        assert has_arrived(many)
        assert not has_arrived(one)


def test_who_leaves_the_queue_holds_up_nobody(pool: Pool, base: ServedModel) -> None:
    with lent(pool, base), pool.lease(base, WAITS) as one:
        with pool.lease(base, WAITS, answers=2) as many:
            assert not has_arrived(many)
            assert not has_arrived(one)
        assert has_arrived(one)


def test_who_waits_too_long_for_a_busy_model_is_told_to_come_back(pool: Pool, base: ServedModel, clock: Clock) -> None:
    with lent(pool, base), lent(pool, base), pool.lease(base, WAITS) as third:
        assert not has_arrived(third)
        clock.now = PATIENCE
        with pytest.raises(Unavailable, match=r"'base' writes as many answers .*PARALLEL.*; ask again") as refused:
            next(third)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("server_is_overloaded", "30")


def test_the_queue_leaves_threads_for_others(make_pool: Callable[[PoolSettings], Pool], base: ServedModel) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, callers=3))
    with lent(pool, base), lent(pool, base), pool.lease(base, WAITS) as third, pool.lease(base, WAITS) as fourth:
        assert not has_arrived(third)
        with pytest.raises(Unavailable, match="ENGINE_THREADS"):
            next(fourth)
        assert not has_arrived(third)


def test_a_pool_that_closes_lets_nobody_wait(pool: Pool, base: ServedModel) -> None:
    with lent(pool, base), lent(pool, base), pool.lease(base, WAITS) as third:
        assert not has_arrived(third)
        pool.close()
        with pytest.raises(Unavailable, match="shutting down"):
            next(third)


def test_those_who_wait_do_not_wake_one_another(make_pool: Callable[[PoolSettings], Pool], base: ServedModel) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=1))
    over = threading.Event()

    def signs(name: str) -> int:
        """Wait in line until it is over; return how often the waiting looked whether it was."""
        with pool.lease(dataclasses.replace(base, name=name), WAITS) as arrival:
            return sum(1 for _ in iter(over.is_set, True) if next(arrival))

    with lent(pool, base), ThreadPoolExecutor(2) as callers:
        waiting = [callers.submit(signs, name) for name in ("other", "another")]
        time.sleep(1)
        over.set()
        assert sum(count.result() for count in waiting) < 20
