"""A model process starts, says why it cannot, and is gone when it is stopped or its parent is."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import lifeline
from engine.serving.process import Memory, ModelProcess, ServedModel, ServerSettings, StartFailed

SETTINGS = ServerSettings(context_tokens=256, parallel=2, threads=1)
PARENT = """
import sys
from pathlib import Path
from engine.serving.process import ModelProcess, ServedModel, ServerSettings
process = ModelProcess(ServedModel("m", Path(sys.argv[1])), ServerSettings(256, 1, 1), Path(sys.argv[2]))
process.start()
print(process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "model.log"


def test_a_started_process_answers_and_a_stopped_one_is_gone(base_gguf: Path, log: Path) -> None:
    process = ModelProcess(ServedModel("m", base_gguf), SETTINGS, log)
    process.start()
    before = (process.alive, process.memory.own > 10_000_000, process.address)
    process.stop()
    process.stop()
    assert before[:2] == (True, True)
    if sys.platform == "linux":  # where nobody else on the machine can ask it
        assert not Path(before[2].removeprefix("unix://")).parent.exists()
    assert (process.alive, process.memory) == (False, Memory())


def test_every_answer_may_fill_the_whole_context(base_gguf: Path, log: Path) -> None:
    process = ModelProcess(ServedModel("m", base_gguf), ServerSettings(256, 3, 1), log)
    process.start()
    slots = process.ask("/slots")
    process.stop()
    assert [slot["n_ctx"] for slot in slots] == [256, 256, 256]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"GGUF" + b"\0" * 100, "bad GGUF version"), (b"no model", "invalid magic"), (None, "is missing")],
)
def test_a_broken_model_file_fails_quickly_and_says_why(
    content: bytes | None, said: str, tmp_path: Path, log: Path
) -> None:
    file = tmp_path / "broken.gguf"
    if content is not None:
        file.write_bytes(content)
    process = ModelProcess(ServedModel("mine", file), SETTINGS, log)
    with pytest.raises(StartFailed, match=rf"'mine' cannot be loaded: .*broken\.gguf.*{said}"):
        process.start()
    assert not process.alive


def test_a_broken_adapter_fails_quickly_and_says_why(base_gguf: Path, tmp_path: Path, log: Path) -> None:
    adapter = tmp_path / "adapter.gguf"
    adapter.write_bytes(b"nonsense")
    with pytest.raises(StartFailed, match=r"adapter\.gguf: .*invalid magic"):
        ModelProcess(ServedModel("mine", base_gguf, adapter), SETTINGS, log).start()


def test_a_start_that_takes_too_long_is_given_up(base_gguf: Path, log: Path) -> None:
    process = ModelProcess(ServedModel("m", base_gguf), SETTINGS, log)
    with pytest.raises(StartFailed, match="not ready"):
        process.start(timeout=0.01)
    assert not process.alive


def test_a_log_that_cannot_be_written_is_a_failed_start_and_no_process(base_gguf: Path, tmp_path: Path) -> None:
    process = ModelProcess(ServedModel("m", base_gguf), SETTINGS, tmp_path / "no such folder" / "log")
    with pytest.raises(StartFailed, match="cannot be started"):
        process.start()
    assert not process.alive
    assert process.memory == Memory()


def test_the_child_gets_no_keys(base_gguf: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    process = ModelProcess(ServedModel("m", base_gguf), SETTINGS, log)
    process.start()
    environment = psutil.Process(process.pid).environ()
    process.stop()
    assert "PATH" in environment
    assert "sk-secret" not in environment.values()


def test_the_child_ends_when_its_parent_is_killed(base_gguf: Path, log: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(base_gguf), str(log)],
        cwd=lifeline.PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child]
