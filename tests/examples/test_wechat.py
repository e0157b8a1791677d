"""examples/wechat.sh against a service as a user starts it; the model is tiny and random, everything else is real."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from tests.live_service import LiveService

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


def run(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script from elsewhere, as somebody may."""
    return subprocess.run(
        ["bash", str(ROOT / "examples" / "wechat.sh"), *arguments],
        cwd=ROOT / "docs",
        env={**os.environ, "URL": url},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
        check=False,
    )


def test_an_export_becomes_a_model_that_answers(shared_service: LiveService) -> None:
    url = shared_service.url
    done = run(url)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.split(r"^(?=[123]\. )", done.stdout, flags=re.MULTILINE)[1:]
    assert [step[:2] for step in steps] == ["1.", "2.", "3."]
    rows = re.search(r"(\d+)  rows in\n *(\d+)  rows used", steps[0])
    assert rows is not None
    assert (int(rows[1]), int(rows[2]) > 0) == (19, True)
    assert re.match(r"2\. Training on file-\w+ begins\.", steps[1])
    answered = re.match(r"3\. (ft:\S+) answers: 渡船几点开？\n", steps[2])
    assert answered is not None
    [newest] = requests.get(f"{url}/jobs", params={"limit": 1}, timeout=30).json()["response"]["data"]
    assert (newest["status"], newest["fine_tuned_model"]) == ("succeeded", answered[1])
    # A tiny model may have little to say, but says the same again.
    chat = {"model": answered[1], "text": "渡船几点开？", "temperature": 0}
    again = requests.post(f"{url}/chat", json=chat, timeout=60).json()["response"]["content"]
    assert steps[2][answered.end() :] == again + "\n"


def test_an_export_that_is_none_ends_it_with_the_reason(shared_service: LiveService) -> None:
    done = run(shared_service.url, str(ROOT / "LICENSE"))
    assert done.returncode != 0
    assert "no format that is known here" in done.stdout + done.stderr
