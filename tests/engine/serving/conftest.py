"""Real model processes of a tiny model; each test gets a pool of its own and leaves no process behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.serving.pool import Pool
from engine.serving.process import ModelProcess, ServedModel
from engine.serving.room import PoolSettings
from engine.serving.widening import Family
from tests.fakes.clock import Clock

SETTINGS = PoolSettings(
    context_tokens=512, parallel=2, threads=1, models_loaded=2, memory_mb=4096, idle_seconds=600.0, callers=12
)


@contextmanager
def lent(pool: Pool, model: ServedModel) -> Iterator[ModelProcess]:
    """A process of `model`, once there is room for it."""
    with pool.lease(model, None) as arrival:
        try:
            while True:
                next(arrival)
        except StopIteration as done:
            process: ModelProcess = done.value
        yield process


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_pool(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Pool]]:
    """Pools with settings of one's own; they are closed after the test."""
    pools: list[Pool] = []

    def make(settings: PoolSettings, family: Family = lambda *_: []) -> Pool:
        pools.append(Pool(settings, tmp_path / "logs", family, clock))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def pool(make_pool: Callable[[PoolSettings], Pool]) -> Pool:
    return make_pool(SETTINGS)


@pytest.fixture
def base(tiny_gguf: Path) -> ServedModel:
    return ServedModel("base", tiny_gguf)
