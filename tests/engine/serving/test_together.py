"""All models of a base in one process: started when nobody waits, it answers each as itself, one at a time."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.serving.line import START_SECONDS
from engine.serving.pool import Pool
from engine.serving.process import ModelProcess, ServedModel
from engine.serving.room import PoolSettings
from tests.engine.serving.conftest import SETTINGS, lent
from tests.engine.tuned import write_adapter
from tests.fakes.clock import Clock
from tests.fakes.ports import model_address, until

SAID = {"prompt": "Hello", "n_predict": 8, "temperature": 0, "ignore_eos": True}


@pytest.fixture
def family(base: ServedModel, tmp_path: Path) -> list[ServedModel]:
    """A base model and three that were tuned from it; what a test takes away is deleted."""
    tuned = []
    for seed in range(3):
        adapter = tmp_path / f"{seed}.gguf"
        write_adapter(adapter, seed)
        tuned.append(ServedModel(f"tuned-{seed}", base.base, adapter))
    return [base, *tuned]


@pytest.fixture
def pool(make_pool: Callable[..., Pool], family: list[ServedModel]) -> Pool:
    return make_pool(SETTINGS, lambda _, most: family[:most])


def use(pool: Pool, model: ServedModel) -> tuple[int, str]:
    """Return the process that answered as `model`, and what it said."""
    with lent(pool, model) as process:
        return process.pid, say(process, model)


def say(process: ModelProcess, model: ServedModel) -> str:
    reply: dict[str, Any] = process.ask("/completion", {**SAID, **process.chosen(model)})
    return str(reply["content"])


def wide(pool: Pool, models: int = 4) -> ModelProcess:
    """Return the one process there is, once it carries so many models."""

    def alone() -> ModelProcess | None:
        processes = pool.processes()
        return processes[0] if [len(one.models) for one in processes] == [models] and processes[0].memory.own else None

    found: ModelProcess = until(alone)
    return found


def test_the_first_gets_its_own_and_the_next_find_one_for_all_that_answers_as_each(
    pool: Pool, family: list[ServedModel], make_pool: Callable[..., Pool]
) -> None:
    alone = make_pool(SETTINGS)
    own = {model.name: use(alone, model)[1] for model in family}
    assert len({*own.values()}) == 4
    first, said = use(pool, family[2])
    assert said == own["tuned-1"]
    together = wide(pool)
    assert together.pid != first
    assert [use(pool, model) for model in family] == [(together.pid, own[model.name]) for model in family]


def test_it_is_ready_before_the_first_question_if_that_is_foreseen(pool: Pool, family: list[ServedModel]) -> None:
    pool.prepare(family[0].base)
    together = wide(pool)
    assert use(pool, family[3])[0] == together.pid


def test_who_asks_while_it_starts_waits_for_it_and_starts_none(pool: Pool, family: list[ServedModel]) -> None:
    pool.prepare(family[0].base)
    until(pool.processes)
    assert use(pool, family[1])[0] == wide(pool).pid


def test_who_waits_for_another_models_answer_as_long_as_a_start_takes_gets_a_process_of_its_own(
    pool: Pool, family: list[ServedModel], clock: Clock
) -> None:
    pool.prepare(family[0].base)
    together = wide(pool)
    clock.now = 1000.0
    with lent(pool, family[1]), pool.lease(family[2], "waits") as arrival:
        assert next(arrival) == "waits"
        clock.now += START_SECONDS
        with pytest.raises(StopIteration) as arrived:
            next(arrival)
        other = arrived.value.value
        assert other is not together
        with lent(pool, family[1]) as shared:
            assert shared is together
    assert use(pool, family[2])[0] == other.pid, "who answered last knows the conversation"


def test_without_room_beside_the_others_wait_in_turn(make_pool: Callable[..., Pool], family: list[ServedModel]) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=1), lambda *_: family)
    pool.prepare(family[0].base)
    together = wide(pool)
    with contextlib.ExitStack() as later:
        with lent(pool, family[1]):
            order = [family[2], family[3], family[2]]
            second, third, fourth = (later.enter_context(pool.lease(model, "waits")) for model in order)
            assert [next(second), next(third), next(fourth)] == ["waits"] * 3
        assert next(third) == "waits", "the idle process is for who came first"
        for arrival in (second, fourth):
            with pytest.raises(StopIteration) as arrived:
                next(arrival)
            assert arrived.value.value is together
        assert next(third) == "waits"
    assert use(pool, family[3])[0] == together.pid


def test_it_is_one_of_the_processes_only_after_those_whose_place_it_takes(
    make_pool: Callable[..., Pool], family: list[ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[ServedModel] = []
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=1), lambda *_: known)
    use(pool, family[1])
    counted: list[int] = []
    stop = ModelProcess.stop

    def stop_and_count(process: ModelProcess) -> None:
        counted.append(len(pool.processes()))
        stop(process)

    monkeypatch.setattr(ModelProcess, "stop", stop_and_count)
    known += family
    pool.prepare(family[0].base)
    wide(pool)
    assert counted == [1]


def test_a_damaged_adapter_is_left_out_and_spoils_nobody_elses(pool: Pool, family: list[ServedModel]) -> None:
    family[2] = dataclasses.replace(family[2], adapter_sha256="of another")
    pool.prepare(family[0].base)
    assert family[2] not in wide(pool, models=3).models


def test_one_that_llama_cpp_refuses_leaves_the_others_one_by_one(
    pool: Pool, family: list[ServedModel], caplog: pytest.LogCaptureFixture
) -> None:
    assert family[3].adapter is not None
    family[3].adapter.write_bytes(b"GGUF")
    pool.prepare(family[0].base)
    until(lambda: "one by one" in caplog.text)
    until(lambda: not pool.processes())
    with lent(pool, family[1]) as process:
        assert process.models == (family[1],)


def test_of_a_deleted_model_nothing_stays_in_memory(pool: Pool, family: list[ServedModel]) -> None:
    pool.prepare(family[0].base)
    before = wide(pool)
    gone = family.pop()
    pool.forget(gone.name)
    assert wide(pool, models=3).pid != before.pid


def test_a_base_answers_as_itself_after_another_was_asked_the_same(pool: Pool, family: list[ServedModel]) -> None:
    pool.prepare(family[0].base)
    together = wide(pool)
    said = [say(together, model) for model in (family[0], family[1], family[0], family[2], family[1])]
    assert said[0] == said[2] != said[1] == said[4]


def test_a_model_of_another_base_keeps_its_room(
    make_pool: Callable[..., Pool], family: list[ServedModel], tmp_path: Path
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, models_loaded=2), lambda *_: family)
    copy = tmp_path / "other.gguf"
    copy.write_bytes(family[0].base.read_bytes())
    with lent(pool, ServedModel("other", copy)) as before:
        pass
    use(pool, family[1])
    until(lambda: [len(process.models) for process in pool.processes()] == [1, 4])
    assert before in pool.processes()


def test_beside_a_training_models_are_ready_with_few_threads_and_after_it_the_new_one_with_all(
    make_pool: Callable[..., Pool], family: list[ServedModel]
) -> None:
    pool = make_pool(dataclasses.replace(SETTINGS, threads=2), lambda *_: family)
    trained = family.pop()
    use(pool, family[0])
    wide(pool, models=3)
    pool.set_training(True)
    until(lambda: [one.settings.threads for one in pool.processes()] == [1])
    assert use(pool, family[1])[0] == wide(pool, models=3).pid
    family.insert(1, trained)
    pool.set_training(False)
    assert wide(pool).settings.threads == 2
    assert use(pool, trained)[0] == wide(pool).pid


def test_a_list_of_models_that_cannot_be_read_costs_only_the_readiness(
    make_pool: Callable[..., Pool], family: list[ServedModel], caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def models(_: Path, most: int) -> list[ServedModel]:
        if broken:
            raise OSError("the database is lost")
        return family[:most]

    pool = make_pool(SETTINGS, models)
    use(pool, family[1])
    until(lambda: "the database is lost" in caplog.text)
    broken.clear()
    pool.prepare(family[0].base)
    assert wide(pool)


def test_a_pool_that_closes_starts_none(pool: Pool, family: list[ServedModel]) -> None:
    pool.prepare(family[0].base)
    pool.close()
    assert not pool.processes()
    assert not [one for one in psutil.Process().children(recursive=True) if model_address(one)]


def test_as_many_as_have_room_are_together(
    make_pool: Callable[..., Pool], family: list[ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.serving.maker._adapters", lambda process: (len(process.models) - 1) * 100 * 1024**2)
    pool = make_pool(PoolSettings(512, 2, 1, 0, memory_mb=350, idle_seconds=600.0, callers=12), lambda *_: family)
    pool.prepare(family[0].base)
    assert wide(pool, models=3).models == tuple(family[:3])
