"""The pool lends one process a model, ends idle ones first, and drops no answer by a swap."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from config.engine import EngineConfig
from engine.serving.line import PATIENCE, TURN_SECONDS
from engine.serving.pool import SWEEP_SECONDS, Pool
from engine.serving.process import ModelGone, ServedModel, StartFailed
from engine.serving.room import MEGABYTE, PoolSettings
from tests.engine.serving.conftest import SETTINGS, lent
from tests.fakes.clock import Clock
from tests.fakes.ports import until
from wire.errors import ServerFault, Unavailable


def named(base: ServedModel, name: str) -> ServedModel:
    return dataclasses.replace(base, name=name)


def use(pool: Pool, model: ServedModel) -> int:
    """Use `model` once and return its process id."""
    with lent(pool, model) as process:
        return process.pid


def served(pool: Pool) -> list[str]:
    return [process.model.name for process in pool.processes()]


def is_done(call: Future[int]) -> bool:
    """Whether `call` is soon done; else it stands in line."""
    try:
        call.result(0.3)
    except TimeoutError:
        return False
    return True


def held_by(pool: Pool) -> int:
    """Return the bytes that all processes of one base hold."""
    memory = [process.memory for process in pool.processes()]
    return sum(one.own for one in memory) + max(one.mapped for one in memory)


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


def test_a_model_in_use_is_never_evicted_and_others_wait_for_its_room(pool: Pool, base: ServedModel) -> None:
    with ThreadPoolExecutor(1) as other:
        with lent(pool, named(base, "a")) as first, lent(pool, named(base, "b")):
            waiting = other.submit(use, pool, named(base, "c"))
            assert not is_done(waiting)
            assert sorted(served(pool)) == ["a", "b"]
            assert first.alive
        waiting.result(60)
    assert len(served(pool)) == 2
    assert "c" in served(pool)


def test_who_waits_gets_room_from_models_that_are_asked_all_the_time(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel, clock: Clock
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=1))
    first, second = named(base, "a"), named(base, "b")
    with ThreadPoolExecutor(2) as others:
        with lent(pool, first) as answering:
            waiting = others.submit(use, pool, second)
            with lent(pool, first) as shared:
                assert shared is answering
            clock.now = TURN_SECONDS
            while is_done(late := others.submit(use, pool, first)):
                assert answering.alive
        assert waiting.result(60) != late.result(60)
    assert served(pool) == ["a"]


def test_who_finds_no_room_for_too_long_is_told_to_come_back(pool: Pool, base: ServedModel, clock: Clock) -> None:
    with ThreadPoolExecutor(1) as other, lent(pool, named(base, "a")), lent(pool, named(base, "b")):
        waiting = other.submit(use, pool, named(base, "c"))
        assert not is_done(waiting)
        clock.now = PATIENCE
        with pytest.raises(Unavailable, match="SERVING_MEMORY_MB") as refused:
            waiting.result(10)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("server_is_overloaded", "30")


def test_models_in_memory_keep_within_the_memory_setting(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel
) -> None:
    roomy = make_pool(dataclasses.replace(SETTINGS, models_loaded=0))
    for name in "abcd":
        use(roomy, named(base, name))
    assert len(served(roomy)) == 4
    bound = held_by(roomy) * 3 // 4
    tight = make_pool(dataclasses.replace(SETTINGS, models_loaded=0, memory_mb=bound // MEGABYTE))
    for name in "abcd":
        use(tight, named(base, name))
        assert held_by(tight) <= bound
    assert served(tight)[-1] == "d"
    assert 2 <= len(served(tight)) <= 3


def test_a_model_larger_than_the_memory_setting_is_served_alone(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, memory_mb=1))
    for name in "ab":
        use(pool, named(base, name))
        pool.sweep()
        assert served(pool) == [name]


def test_a_model_that_nobody_asked_for_long_is_unloaded(pool: Pool, base: ServedModel, clock: Clock) -> None:
    child = psutil.Process(use(pool, base))
    clock.now = SETTINGS.idle_seconds - 1
    pool.sweep()
    assert child.is_running()
    clock.now = SETTINGS.idle_seconds
    pool.sweep()
    assert not child.is_running()


def test_by_default_a_model_stays_however_long_nobody_asks(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel, clock: Clock
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, idle_seconds=EngineConfig().idle_seconds))
    child = psutil.Process(use(pool, base))
    clock.now = 1e9
    pool.sweep()
    assert child.is_running()
    child.kill()
    until(lambda: not served(pool), 3 * SWEEP_SECONDS)  # what has died is seen all the same


def test_idle_models_are_swept_without_being_told(pool: Pool, base: ServedModel, clock: Clock) -> None:
    child = psutil.Process(use(pool, base))
    clock.now = SETTINGS.idle_seconds
    assert psutil.wait_procs([child], timeout=3 * SWEEP_SECONDS)[0] == [child]


def test_training_swaps_to_fewer_threads_and_drops_no_request(
    make_pool: Callable[[PoolSettings], Pool], base: ServedModel
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, threads=2))
    with lent(pool, base) as before:
        pool.set_training(True)
        with lent(pool, base) as beside:
            assert (before.settings.threads, beside.settings.threads) == (2, 1)
            assert psutil.pid_exists(before.pid)
            assert beside.pid != before.pid
    assert not psutil.pid_exists(before.pid)
    assert psutil.pid_exists(beside.pid)
    pool.set_training(False)
    with lent(pool, base) as after:
        assert after.settings.threads == 2
    assert not psutil.pid_exists(beside.pid)


def test_a_dead_process_is_replaced_at_the_next_request(pool: Pool, base: ServedModel) -> None:
    with lent(pool, base) as killed:
        psutil.Process(killed.pid).kill()
    until(lambda: not killed.alive)  # whoever keeps its walls ends after it
    assert use(pool, base) != killed.pid


def test_a_process_that_failed_its_user_gets_no_other(pool: Pool, base: ServedModel) -> None:
    with pytest.raises(ModelGone), lent(pool, base) as process:
        raise ModelGone("it hung up")
    assert not process.alive
    assert use(pool, base) != process.pid


def test_a_process_that_declines_stays(pool: Pool, base: ServedModel) -> None:
    with pytest.raises(ServerFault, match="/apply-template"), lent(pool, base) as process:
        process.ask("/apply-template", {"messages": "none"})
    assert process.alive
    assert use(pool, base) == process.pid


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
    with lent(pool, base) as process:
        pool.forget("base")
        assert psutil.pid_exists(process.pid)
    assert not psutil.pid_exists(process.pid)


def test_a_closed_pool_has_no_process_and_lends_none(pool: Pool, base: ServedModel) -> None:
    child = psutil.Process(use(pool, base))
    pool.close()
    assert not child.is_running()
    with pytest.raises(Unavailable), lent(pool, base):
        pass
