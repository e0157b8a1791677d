"""examples/wechat.sh against a service as a user starts it; the model is tiny and random, everything else is real."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def url(tmp_path: Path, tiny_gguf: Path) -> Iterator[str]:
    """The address of a running service."""
    base_model = tmp_path / "tiny.gguf"
    base_model.symlink_to(tiny_gguf)
    port = free_port()
    settings = {"PORT": str(port), "ENGINE_PORT": str(free_port()), "DATA_DIR": str(tmp_path / "data")}
    settings |= {"BASE_MODEL": str(base_model), "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    main = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **settings})
    try:
        wait_for(f"http://127.0.0.1:{port}/status", main)
        yield f"http://127.0.0.1:{port}"
    finally:
        main.terminate()
        main.wait(30)


def wait_for(address: str, main: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        assert main.poll() is None
        assert time.monotonic() < deadline
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)


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


def test_an_export_becomes_a_model_that_answers(url: str) -> None:
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
    jobs = requests.get(f"{url}/jobs", timeout=30).json()["response"]["data"]
    assert [(job["status"], job["fine_tuned_model"]) for job in jobs] == [("succeeded", answered[1])]
    assert steps[2][answered.end() :].strip()


def test_an_export_that_is_none_ends_it_with_the_reason(url: str) -> None:
    done = run(url, str(ROOT / "LICENSE"))
    assert done.returncode != 0
    assert "no format that is known here" in done.stdout + done.stderr
