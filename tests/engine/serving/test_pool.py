"""The pool lends one process a model, ends idle ones first, and drops no answer by a swap."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from engine.serving.pool import SWEEP_SECONDS, Pool, PoolSettings
from engine.serving.process import ModelGone, ServedModel, StartFailed
from tests.engine.serving.conftest import SETTINGS, Clock
from wire.errors import Unavailable


def named(base: ServedModel, name: str) -> ServedModel:
    return dataclasses.replace(base, name=name)


def use(pool: Pool, model: ServedModel) -> int:
    """Use `model` once and return its process id."""
    with pool.lease(model) as process:
        return process.pid


def served(pool: Pool) -> list[str]:
    return [process.model.name for process in pool.processes()]


def test_the_next_request_finds_the_process_of_the_last(pool: Pool, base: ServedModel) -> None:
    assert use(pool, base) == use(pool, base)


def test_first_requests_at_once_start_one_process(pool: Pool, base: ServedModel) -> None:
    together = threading.Barrier(8)

    def ask() -> int:
        together.wait()
        return use(pool, base)

    with ThreadPoolExecutor(8) as callers:
        pids = {future.result() for future in [callers.submit(ask) for _ in range(8)]}
    assert len(pids) == 1


def test_the_least_recently_used_idle_model_makes_room(pool: Pool, base: ServedModel, clock: Clock) -> None:
    for clock.now, name in enumerate("abac"):
        use(pool, named(base, name))
    assert sorted(served(pool)) == ["a", "c"]


def test_a_model_in_use_is_never_evicted(pool: Pool, base: ServedModel) -> None:
    with pool.lease(named(base, "a")) as first, pool.lease(named(base, "b")):
        use(pool, named(base, "c"))
        assert first.alive
        assert {"a", "b"} <= set(served(pool))
    pool.sweep()
    assert len(served(pool)) == 2


def test_idle_models_keep_within_the_memory_setting(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, memory_mb=1))
    with pool.lease(base):
        pool.sweep()
        assert served(pool) == ["base"]
    pool.sweep()
    assert served(pool) == []


def test_a_chat_with_a_loaded_model_does_not_wait_for_the_others_to_be_measured(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, memory_mb=1))
    with pool.lease(named(base, "a")):
        use(pool, named(base, "b"))
        with pool.lease(named(base, "a")):
            assert sorted(served(pool)) == ["a", "b"]
        pool.sweep()
        assert served(pool) == ["a"]


def test_a_model_that_nobody_asked_for_long_is_unloaded(pool: Pool, base: ServedModel, clock: Clock) -> None:
    child = psutil.Process(use(pool, base))
    clock.now = SETTINGS.idle_seconds - 1
    pool.sweep()
    assert child.is_running()
    clock.now = SETTINGS.idle_seconds
    pool.sweep()
    assert not child.is_running()


def test_idle_models_are_swept_without_being_told(pool: Pool, base: ServedModel, clock: Clock) -> None:
    child = psutil.Process(use(pool, base))
    clock.now = SETTINGS.idle_seconds
    assert psutil.wait_procs([child], timeout=3 * SWEEP_SECONDS)[0] == [child]


def test_training_swaps_to_fewer_threads_and_drops_no_request(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, threads=2))
    with pool.lease(base) as before:
        pool.set_training(True)
        with pool.lease(base) as beside:
            assert (before.settings.threads, beside.settings.threads) == (2, 1)
            assert psutil.pid_exists(before.pid)
            assert beside.pid != before.pid
    assert not psutil.pid_exists(before.pid)
    assert psutil.pid_exists(beside.pid)
    pool.set_training(False)
    with pool.lease(base) as after:
        assert after.settings.threads == 2
    assert not psutil.pid_exists(beside.pid)


def test_a_dead_process_is_replaced_at_the_next_request(pool: Pool, base: ServedModel) -> None:
    killed = psutil.Process(use(pool, base))
    killed.kill()
    psutil.wait_procs([killed], timeout=10)
    assert use(pool, base) != killed.pid


def test_a_process_that_failed_its_user_gets_no_other(pool: Pool, base: ServedModel) -> None:
    with pytest.raises(ModelGone), pool.lease(base) as process:
        raise ModelGone("it hung up")
    assert not process.alive
    assert use(pool, base) != process.pid


def test_a_model_that_cannot_start_fails_for_all_who_wait_and_is_tried_again(
    pool: Pool, base: ServedModel, tmp_path: Path
) -> None:
    broken = ServedModel("mine", tmp_path / "later.gguf")
    with ThreadPoolExecutor(3) as callers:
        for future in [callers.submit(use, pool, broken) for _ in range(3)]:
            with pytest.raises(StartFailed, match=r"later\.gguf is missing"):
                future.result()
    assert served(pool) == []
    broken.base.symlink_to(base.base)
    use(pool, broken)


def test_a_name_that_means_other_files_now_gets_another_process(pool: Pool, base: ServedModel, tmp_path: Path) -> None:
    link = tmp_path / "same.gguf"
    link.symlink_to(base.base)
    assert use(pool, base) != use(pool, dataclasses.replace(base, base=link))
    assert len(served(pool)) == 1


def test_a_forgotten_model_finishes_its_answer_and_ends(pool: Pool, base: ServedModel) -> None:
    with pool.lease(base) as process:
        pool.forget("base")
        assert psutil.pid_exists(process.pid)
    assert not psutil.pid_exists(process.pid)


def test_a_closed_pool_has_no_process_and_lends_none(pool: Pool, base: ServedModel) -> None:
    child = psutil.Process(use(pool, base))
    pool.close()
    assert not child.is_running()
    with pytest.raises(Unavailable), pool.lease(base):
        pass
