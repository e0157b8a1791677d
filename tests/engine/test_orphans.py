"""What a killed engine leaves running is ended by the next one, and nothing else is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from openai import OpenAI

import lifeline
from engine import orphans
from tests.fakes.ports import PATIENCE, until
from tests.live_engine import LiveEngine
from tests.live_service import command

ROOT = Path(__file__).parents[2]
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
SLEEP = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]


@pytest.fixture
def engine(tiny_gguf: Path, tmp_path: Path) -> Iterator[LiveEngine]:
    base = tmp_path / "tiny.gguf"
    base.symlink_to(tiny_gguf)
    made = LiveEngine(tmp_path / "data", base, LOG_LEVEL="ERROR").wait()
    yield made
    made.end()


def find(engine: LiveEngine, words: str) -> psutil.Process | None:
    family = psutil.Process(engine.process.pid).children(recursive=True)
    return next((one for one in family if words in command(one)), None)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_children_that_do_not_get_to_run_are_gone_when_the_next_engine_answers(engine: LiveEngine) -> None:
    """A stopped process is the surest form of one that waits for a core: its lifeline cannot end it."""
    with OpenAI(api_key="unused", base_url=engine.url, max_retries=0) as client:
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "q"}], max_tokens=1)
        file = client.files.create(purpose="fine-tune", file=("t.jsonl", LINE))
        client.fine_tuning.jobs.create(
            model="tiny", training_file=file.id, hyperparameters={"n_epochs": 50, "batch_size": 1}
        )
    stopped = [until(partial(find, engine, words)) for words in ("engine.trainer", "serving.llamacpp")]
    for one in stopped:
        one.suspend()
    engine.kill()
    engine.start().wait()
    left = [one for one in stopped if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    for one in left:
        one.kill()
    assert left == []


def test_only_what_another_life_of_the_same_folder_started_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are children of this very process, as orphans are of the first process of a container."""
    monkeypatch.setenv(lifeline.CHILD_OF, "")  # to be taken back
    children = []
    for name in ("one", "other", "one"):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.setenv(lifeline.CHILD_OF, "")  # as a life that nobody marked
        orphans.end(tmp_path / name)
        children.append(subprocess.Popen(SLEEP, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    earlier, others, ours = children
    assert earlier.wait(PATIENCE) != 0
    orphans.end(tmp_path / "one")  # as the serving process does, which the first one has started
    assert [others.poll(), ours.poll()] == [None, None]
    for child in children:
        child.communicate()


# As the first process of a container: it starts a serving process, kills it, and starts the next.
FIRST = """
import ctypes, multiprocessing, subprocess, sys, time
from pathlib import Path
from engine import orphans

def serve():
    orphans.end(Path(sys.argv[1]))
    print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
    Path(sys.argv[1], "served").touch()
    time.sleep(60)

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    orphans.end(Path(sys.argv[1]))
    for _ in range(2):
        serving = multiprocessing.get_context("spawn").Process(target=serve)
        serving.start()
        while not Path(sys.argv[1], "served").exists():
            time.sleep(0.01)
        Path(sys.argv[1], "served").unlink()
        serving.kill()
        serving.join()
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_CHILD_SUBREAPER")
def test_orphans_that_the_watching_process_was_given_are_ended(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(FIRST)
    command = [sys.executable, str(tmp_path / "first.py"), str(tmp_path)]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        orphan, last = (psutil.Process(int(first.stdout.readline())) for _ in range(2))
        until(lambda: orphan.status() == psutil.STATUS_ZOMBIE)
        assert last.status() != psutil.STATUS_ZOMBIE
        last.kill()
        first.communicate()
