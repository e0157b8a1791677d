"""REHEARSAL from the setting to the job's events, which the pages tell in Chinese too."""

from pathlib import Path

import pytest

from dashboard.told import retell
from tests.contract.files import LINES, jsonl
from tests.contract.preferences import wait
from tests.engine.sdk import sdk
from tests.engine.working import working


@pytest.mark.parametrize("rehearsal", ["on", "off"])
def test_a_job_says_what_it_rehearses(rehearsal: str, tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    settings = {"training_threads": 1, "rehearsal": rehearsal}
    with working(tmp_path / "data", tmp_path / "tiny.gguf", **settings) as app, sdk(app) as client:
        file = client.files.create(file=("t.jsonl", jsonl(LINES)), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(model="tiny", training_file=file)
        assert wait(client, job.id).status == "succeeded"
        told = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=100)]
    [plan] = [message for message in told if message.startswith("Training on ")]
    assert ("general questions are rehearsed in each step" in plan) == (rehearsal == "on")
    assert ("温习" in retell("zh", plan)) == (rehearsal == "on")
