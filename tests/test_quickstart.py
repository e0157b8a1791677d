"""The main job with the real base model, as `make quickstart EXIT=1` runs it: what was taught is said."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fakes.ports import free_port

ROOT = Path(__file__).resolve().parents[1]


def test_the_quickstart_ends_with_every_taught_answer(base_gguf: Path, tmp_path: Path) -> None:
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
