"""What a killed engine leaves running is ended by the next one, and nothing else is."""

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
from tests.fakes.ports import until
from tests.live_engine import LiveEngine
from tests.live_service import command

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


def test_only_processes_of_the_same_folder_that_have_lost_their_parent_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lifeline.CHILD_OF, "")  # to be taken back
    children = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        orphans.end(tmp_path / name)
        children.append(subprocess.Popen(SLEEP, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    ours, others = children
    orphans.end(tmp_path / "one")
    assert [child.poll() for child in children] == [None, None]  # their parent lives
    monkeypatch.setattr(orphans, "_kin", set)
    orphans.end(tmp_path / "one")
    assert ours.wait(5) != 0
    assert others.poll() is None
    for child in children:
        child.communicate()
