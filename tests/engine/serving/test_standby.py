"""The spare process for the next model: there after the first is asked, used by the next start, gone with the pool."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import sandbox
from engine.serving import standby
from engine.serving.pool import Pool
from engine.serving.process import ServedModel, StartFailed
from tests.engine.serving.conftest import SETTINGS, lent
from tests.fakes.clock import Clock
from tests.fakes.ports import until


@pytest.fixture(autouse=True)
def no_walls() -> Iterator[None]:
    """Within walls there are no spares."""
    sandbox.settle("off")
    yield
    sandbox.settle("auto")


def use(pool: Pool, base: ServedModel, name: str) -> int:
    with lent(pool, dataclasses.replace(base, name=name)) as process:
        assert process.ask("/health")["status"] == "ok"
        return process.pid


def spare(pool: Pool) -> psutil.Process:
    """Return the child of this process that serves no model, once it is there."""
    known = [process.pid for process in pool.processes()]

    def found() -> list[psutil.Process]:
        children = psutil.Process().children()
        return [one for one in children if one.pid not in known and "engine.serving.llamacpp" in one.cmdline()]

    (only,) = until(found, seconds=10)
    return only


def test_the_second_model_is_served_by_the_spare_of_the_first_and_has_a_log_of_its_own(
    pool: Pool, base: ServedModel, tmp_path: Path
) -> None:
    use(pool, base, "first")
    waiting = spare(pool)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(StartFailed, match=r"broken\.gguf: .*bad GGUF version"):
        use(pool, dataclasses.replace(base, base=broken), "broken")
    assert not waiting.is_running()
    assert "bad GGUF version" in (tmp_path / "logs" / "broken.log").read_text()
    use(pool, base, "first")
    waiting = spare(pool)
    assert use(pool, base, "second") == waiting.pid
    assert spare(pool).pid != waiting.pid


def test_a_spare_that_was_killed_is_done_without(pool: Pool, base: ServedModel) -> None:
    use(pool, base, "first")
    killed = spare(pool)
    killed.kill()
    psutil.wait_procs([killed], timeout=10)
    assert use(pool, base, "second") != killed.pid


def test_there_is_none_before_the_first_model_and_after_the_last(pool: Pool, base: ServedModel, clock: Clock) -> None:
    before = psutil.Process().children()
    pool.sweep()
    assert psutil.Process().children() == before
    use(pool, base, "first")
    waiting = spare(pool)
    clock.now = SETTINGS.idle_seconds
    pool.sweep()
    assert not waiting.is_running()
    use(pool, base, "first")
    waiting = spare(pool)
    pool.close()
    assert not waiting.is_running()


def test_it_holds_no_more_than_is_reckoned_with(pool: Pool, base: ServedModel) -> None:
    use(pool, base, "first")
    waiting = spare(pool)
    until(lambda: any("xllamacpp" in one.path for one in waiting.memory_maps()))
    held = waiting.memory_info()
    assert held.rss - held.shared < standby.BYTES
