"""A job within its walls: trained and served as without them, byte for byte and word for word."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox
from engine.run import Run
from engine.serving.process import ModelProcess, ServedModel, ServerSettings
from engine.watch import Watch
from tests.engine.trainer.conftest import ROWS, write_job
from tests.fakes import walls
from tests.fakes.ports import until

RunHere = Callable[[Path], tuple[int, list[dict[str, Any]]]]


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    """As it was before, afterwards."""
    yield
    sandbox.settle("auto")


def served(base: Path, adapter: Path, log: Path) -> str:
    process = ModelProcess(ServedModel("m", base, adapter), ServerSettings(256, 1, 1), log)
    process.start()
    asked = {"prompt": "Say one.", "temperature": 0, "n_predict": 20}
    reply = process.ask("/completion", asked | process.chosen(process.model))
    process.stop()
    return str(reply["content"])


@walls.needed()
def test_a_job_is_trained_and_served_as_without_them(tiny_gguf: Path, tmp_path: Path, run_here: RunHere) -> None:
    assert sandbox.stands()
    inside, outside = (write_job(tmp_path / name, tiny_gguf, ROWS) for name in ("inside", "outside"))
    run = Run("ftjob-test", inside, tiny_gguf, Watch(600))
    assert until(run.end, 120) == "ended by exit code 0", (inside / "trainer.log").read_text()
    assert run_here(outside)[0] == 0
    adapters = [folder / "adapter" / "adapter.gguf" for folder in (inside, outside)]
    assert len({hashlib.sha256(adapter.read_bytes()).hexdigest() for adapter in adapters}) == 1
    within = served(tiny_gguf, adapters[0], tmp_path / "log")
    sandbox.settle("off")
    assert served(tiny_gguf, adapters[1], tmp_path / "log") == within != ""
