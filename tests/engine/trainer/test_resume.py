"""A run that breaks off goes on to the same end, whatever its method; arithmetic is fixed, so that ends compare."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from engine.trainer import lora, precision, preference
from engine.trainer.loop import train
from engine.trainer.progress import Progress
from engine.trainer.spec import read_spec
from tests.engine.trainer.conftest import PAIRS, ROWS, write_job


class BrokenOff(Exception):
    """What a kill is to a process, to a test in the same one."""


class Breaking(Progress):
    """Breaks off when a message is told that has `wanted` in it."""

    def __init__(self, stream: io.StringIO, **wanted: Any) -> None:
        super().__init__(stream)
        self._wanted = wanted

    def send(self, kind: str, **fields: Any) -> None:
        super().send(kind, **fields)
        if self._wanted.items() <= {"kind": kind, **fields}.items():
            raise BrokenOff


@pytest.mark.parametrize(("method", "rows"), [("supervised", ROWS), ("dpo", PAIRS)])
def test_a_run_that_broke_off_goes_on_to_the_same_end(
    method: str, rows: list[dict[str, Any]], tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "choose", lambda _: precision.FP32)
    whole, broken = (
        write_job(tmp_path / name, tiny_gguf, rows, rows[:2], method=method, rehearses=True)
        for name in ("whole", "broken")
    )
    train(read_spec(whole), whole, Progress(io.StringIO()))
    with pytest.raises(BrokenOff):
        train(read_spec(broken), broken, Breaking(io.StringIO(), kind="checkpoint", epoch=2))
    # The model that the pairs were referred to is gone by now; nobody may ask another.
    monkeypatch.setattr(preference.Preference, "refer", None)
    said = io.StringIO()
    train(read_spec(broken), broken, Progress(said))
    assert json.loads(said.getvalue().splitlines()[0])["resumed_from"] in (4, 6)
    assert (broken / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    ours, theirs = (load_file(job / "adapter" / lora.WEIGHTS) for job in (broken, whole))
    assert max(abs(ours[name] - theirs[name]).max() for name in theirs) < 1e-5
    results = [json.loads((job / "result.json").read_text()) for job in (broken, whole)]
    assert results[0]["trained_tokens"] == results[1]["trained_tokens"]
    assert results[0]["outcome"]["data"] == pytest.approx(results[1]["outcome"]["data"], rel=1e-4)


def test_a_run_that_broke_off_before_its_first_checkpoint_keeps_its_arithmetic(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, measured = write_job(tmp_path / "job", tiny_gguf), [precision.BF16, precision.FP32]
    monkeypatch.setattr(precision, "choose", lambda _: measured.pop())
    plans = []
    for _ in range(2):
        said = io.StringIO()
        with pytest.raises(BrokenOff):
            train(read_spec(job), job, Breaking(said, kind="step"))
        plans.append(json.loads(said.getvalue().splitlines()[0]))
    assert [(plan["precision"], plan["resumed_from"]) for plan in plans] == [("fp32", None)] * 2
