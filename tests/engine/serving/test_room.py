"""The line for room in the pool: who leaves it, how long it may be, and who may be served before the first."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.serving.line import TURN_SECONDS
from engine.serving.pool import Pool
from engine.serving.process import Memory, ModelProcess, ServedModel, ServerSettings
from engine.serving.room import MEGABYTE, PoolSettings
from engine.serving.slot import Slot
from tests.engine.serving.conftest import SETTINGS, lent
from tests.fakes.clock import Clock
from wire.errors import Unavailable
from wire.waiting import BEAT_SECONDS, QUIET_SECONDS


def named(base: ServedModel, name: str) -> ServedModel:
    return dataclasses.replace(base, name=name)


def test_who_leaves_the_line_sends_no_model_away(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel, clock: Clock
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=1))
    with lent(pool, named(base, "a")) as answering:
        with pool.lease(named(base, "b"), "waits") as arrival:
            assert next(arrival) == "waits"
            clock.now = QUIET_SECONDS + 1.5 * BEAT_SECONDS
            assert next(arrival) == "waits"
        clock.now += TURN_SECONDS
        with pool.lease(named(base, "c"), "waits") as later:
            assert next(later) == "waits", "it is first now, and has its own time to wait"
        with lent(pool, named(base, "a")) as shared:
            assert shared is answering


def test_the_line_leaves_threads_for_others(make_pool: Callable[[PoolSettings], Pool], base: ServedModel) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=1, callers=3))
    with (
        lent(pool, named(base, "a")),
        pool.lease(named(base, "b"), None) as first,
        pool.lease(named(base, "b"), None) as second,
    ):
        next(first)
        next(second)
        with pool.lease(named(base, "c"), None) as third, pytest.raises(Unavailable, match="ENGINE_THREADS") as refused:
            next(third)
        with lent(pool, named(base, "a")):
            next(first)
            with pytest.raises(Unavailable):
                next(second)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("server_is_overloaded", "30")


class Foretold(Slot):
    """A slot whose process will hold so many megabytes; it is never started."""

    def __init__(self, name: str, megabytes: int, last_used: float = 0.0) -> None:
        model = ServedModel(name, Path(name))
        super().__init__(ModelProcess(model, ServerSettings(1, 1, 1), Path("log")), Memory(megabytes * MEGABYTE))
        self.last_used = last_used


def test_those_asked_longest_ago_make_room_and_no_more_than_need_be() -> None:
    settings = dataclasses.replace(SETTINGS, models_loaded=0, memory_mb=100)
    old, new = Foretold("old", 40, 1), Foretold("new", 40, 2)
    assert settings.staying([new, old], [Foretold("small", 20)]) == [old, new]
    assert settings.staying([new, old], [Foretold("large", 50)]) == [new]
    assert settings.staying([new, old], [Foretold("huge", 90)]) == []


@pytest.mark.parametrize(("first_mb", "passes"), [(50, True), (95, False)])
def test_a_small_model_is_served_before_a_large_one_unless_it_takes_its_room(
    make_pool: Callable[[PoolSettings], Pool],
    base: ServedModel,
    monkeypatch: pytest.MonkeyPatch,
    first_mb: int,
    passes: bool,
) -> None:
    sizes = {"busy": 60, "first": first_mb, "second": 10}
    monkeypatch.setattr(ModelProcess, "memory", property(lambda self: Memory(sizes[self.model.name] * MEGABYTE)))
    monkeypatch.setattr("engine.serving.maker.Maker._memory", lambda _, process: process.memory)
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=0, memory_mb=100))
    with (
        lent(pool, named(base, "busy")),
        pool.lease(named(base, "first"), None) as first,
        pool.lease(named(base, "second"), None) as second,
    ):
        next(first)
        if passes:
            with pytest.raises(StopIteration):
                next(second)
        else:
            next(second)
