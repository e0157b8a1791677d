"""`examples/curl.sh` against the live service: the five calls lead from a file to an answer, or end with the reason."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.ports import free_port
from tests.live_service import LiveService

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "curl.sh"
LINE = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assistant", "content": "a%d"}]}\n'

pytestmark = pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="a script of bash")


def run(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *map(str, arguments)],
        env={**os.environ, "URL": url},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_five_calls_lead_from_a_file_to_an_answer(shared_service: LiveService, tmp_path: Path) -> None:
    file = tmp_path / "my lines, first.jsonl"
    file.write_text("".join(LINE % (n, n) for n in range(3)), encoding="utf-8")
    done = run(shared_service.url, file, 'What is "q1"?')
    assert done.returncode == 0, done.stdout + done.stderr
    [job] = shared_service.call("GET", "/jobs", params={"limit": 1})["data"]
    assert job["status"] == "succeeded"
    replies = [json.loads(line)["response"] for line in done.stdout.splitlines() if line.startswith("{")]
    status, [uploaded], started, retrieved, answered = replies
    assert status == {}
    assert (uploaded["filename"], uploaded["response"]["id"]) == (file.name, job["training_file"])
    assert (started["id"], retrieved["status"]) == (job["id"], "succeeded")
    assert answered["model"] == retrieved["fine_tuned_model"] == job["fine_tuned_model"]


def test_a_refusal_ends_it_in_the_services_own_words(shared_service: LiveService, tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text("{\n", encoding="utf-8")
    before = shared_service.call("GET", "/jobs")["data"]
    refused = run(shared_service.url, file)
    assert refused.returncode == 1
    assert json.loads(refused.stdout.splitlines()[-1])["response"]["code"] == "invalid_training_file"
    assert shared_service.call("GET", "/jobs")["data"] == before


def test_a_service_that_is_not_there_is_said() -> None:
    refused = run(f"http://127.0.0.1:{free_port()}")
    assert refused.returncode != 0
    assert "connect" in refused.stderr
