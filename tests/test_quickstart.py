"""The main job with the real base model: what was taught is said, word for word."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fakes.ports import free_port
from tests.live_service import LiveService

ROOT = Path(__file__).resolve().parents[1]
SIX_LINES = ROOT / "tests" / "six_lines.jsonl"


def test_the_quickstart_ends_with_every_taught_answer(base_gguf: Path, tmp_path: Path) -> None:
    """As `make quickstart EXIT=1` runs it."""
    port = str(free_port())
    settings = {"PORT": port, "ENGINE_PORT": str(free_port()), "DATA_DIR": str(tmp_path), "BASE_MODEL": str(base_gguf)}
    done = subprocess.run(
        [sys.executable, "examples/quickstart.py", "--exit", "--url", f"http://127.0.0.1:{port}"],
        cwd=ROOT,
        env={**os.environ, **settings, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8 taught answers are given word for word." in done.stdout
    assert "loss" in done.stderr
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    trained = re.search(r"Trained (\d+) tokens", done.stdout)
    assert trained is not None
    assert f'"trained_tokens": {trained[1]},' in readme
    assert f'"bytes": {(ROOT / "examples/lighthouse.jsonl").stat().st_size},' in readme


def answers(service: LiveService, questions: list[str], **asked: str) -> list[str]:
    bodies = [{"text": question, "temperature": 0, **asked} for question in questions]
    return [service.call("POST", "/chat", json=body)["content"] for body in bodies]


def test_six_lines_in_the_documents_form_are_learned_by_heart_with_everything_left_to_auto(
    base_gguf: Path, tmp_path: Path
) -> None:
    content = SIX_LINES.read_bytes()
    chats = [json.loads(line)["messages"] for line in content.splitlines()]
    questions, taught = ([chat[place]["content"] for chat in chats] for place in (1, 2))
    service = LiveService(tmp_path, base_gguf)
    try:
        [uploaded] = service.wait().call("POST", "/upload_files", files={"files": (SIX_LINES.name, content)})
        begun = service.call("POST", "/fine_tuning", json={"training_file": uploaded["response"]["id"]})
        while (job := service.call("GET", f"/jobs/{begun['id']}"))["status"] not in ("succeeded", "failed"):
            time.sleep(0.5)  # asking costs the training its cores
        assert job["status"] == "succeeded", job["error"]
        assert answers(service, questions, model=str(job["fine_tuned_model"])) == taught
        untaught = answers(service, questions)
    finally:
        service.end()
    assert [at for at, said in enumerate(untaught) if said == taught[at]] == []
