"""How the child process says why it ended."""

import errno
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import __main__, loop, lora
from engine.trainer.base_model import load_model
from engine.trainer.errors import DiskFull, OutOfMemory, TrainingError
from engine.trainer.progress import Progress
from tests.engine.trainer.conftest import write_job


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (OSError(errno.EIO, "Input/output error"), OSError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (RuntimeError("shapes differ"), RuntimeError),
    ],
)
def test_a_fault_of_the_machine_has_a_code_and_any_other_none(
    fault: Exception, expected: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(loop, "train", fail)
    job = write_job(tmp_path / "job", tmp_path / "base.gguf")
    with pytest.raises(expected) as raised:
        __main__._train(job, Progress(io.StringIO()))
    assert isinstance(raised.value, TrainingError) == (expected in (DiskFull, OutOfMemory))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_an_adapter_that_finds_no_room_says_so(tiny_gguf: Path, tmp_path: Path) -> None:
    model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
    (tmp_path / lora.WEIGHTS).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as full:
        lora.save(model, tmp_path, "tiny")
    assert full.value.errno == errno.ENOSPC
