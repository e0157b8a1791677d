"""What takes a minute and needs nobody: done in a process beside the tests, for the test that looks at it later.

`python -m tests.errands FOLDER BASE_GGUF NAME...` does them in turn; each result is a file. Nothing is judged here.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lifeline
from engine import durable
from tests.fakes.ports import free_port, until
from tests.live_service import LiveService

ROOT = Path(__file__).resolve().parents[1]
SIX_LINES = ROOT / "tests" / "six_lines.jsonl"


class Errands:
    """The process that does them, begun with the tests and ended with them."""

    def __init__(self, folder: Path, base_gguf: Path | None, names: list[str]) -> None:
        self._folder, self._log = folder, folder / "log.txt"
        with self._log.open("wb") as log:
            self._process = lifeline.spawn(["tests.errands", str(folder), str(base_gguf or ""), *names], log)

    def result(self, name: str) -> Any:
        """Wait for one of them, and return what it found; fail with its own words if it could not be done."""
        file = self._folder / f"{name}.json"
        until(lambda: file.exists() or self._process.poll() is not None, 900)
        told = json.loads(file.read_text("utf-8")) if file.exists() else {"fault": self._log.read_text("utf-8")}
        assert told["fault"] is None, told["fault"]
        return told["result"]

    def end(self) -> None:
        """Stop it if it is not done, with all that it started."""
        lifeline.release(self._process, 30)


def lean_python(folder: Path, _: str) -> str:
    """Make an environment of the locked service alone, every file by its hash, and return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = ["--require-hashes", "--only-binary=:all:", "-r", str(ROOT / "requirements" / "lock" / "service.txt")]
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *wanted]
    subprocess.run(command, stdout=sys.stderr, timeout=500, check=True)
    return str(python)


def quickstart(folder: Path, base_gguf: str) -> dict[str, Any]:
    """Run the quickstart as `make quickstart EXIT=1` does, and return what it said."""
    port = str(free_port())
    settings = {"PORT": port, "ENGINE_PORT": str(free_port()), "DATA_DIR": str(folder), "BASE_MODEL": base_gguf}
    done = subprocess.run(
        [sys.executable, "examples/quickstart.py", "--exit", "--url", f"http://127.0.0.1:{port}"],
        cwd=ROOT,
        env={**os.environ, **settings, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def six_lines(folder: Path, base_gguf: str) -> dict[str, Any]:
    """Train on the six lines with everything left to `auto`, and return the job and what both models answer."""
    content = SIX_LINES.read_bytes()
    questions = [json.loads(line)["messages"][1]["content"] for line in content.splitlines()]
    service = LiveService(folder, Path(base_gguf))

    def answers(**asked: str) -> list[str]:
        bodies = [{"text": question, "temperature": 0, **asked} for question in questions]
        return [service.call("POST", "/chat", json=body)["content"] for body in bodies]

    try:
        [uploaded] = service.wait().call("POST", "/upload_files", files={"files": (SIX_LINES.name, content)})
        begun = service.call("POST", "/fine_tuning", json={"training_file": uploaded["response"]["id"]})
        while (job := service.call("GET", f"/jobs/{begun['id']}"))["status"] not in ("succeeded", "failed"):
            time.sleep(0.5)  # asking costs the training its cores
        return {"job": job, "base": answers(), "tuned": answers(model=str(job["fine_tuned_model"]))}
    finally:
        service.end()


ERRANDS: dict[str, Callable[[Path, str], Any]] = {
    "lean_python": lean_python,
    "quickstart": quickstart,
    "six_lines": six_lines,
}


def main(folder: Path, base_gguf: str, names: list[str]) -> None:
    """Do the errands of these names in the order above."""
    # The group is this process, the quickstart and its service; a service that was begun here ends in a `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lifeline.watch(lambda: os.killpg(0, signal.SIGTERM))
    for name, errand in ERRANDS.items():
        if name not in names:
            continue
        told: dict[str, Any] = {"fault": None, "result": None}
        own = folder / name
        own.mkdir()
        try:
            told["result"] = errand(own, base_gguf)
        except Exception:  # the edge: whoever asks for the result is told
            told["fault"] = traceback.format_exc()
        durable.write_json(folder / f"{name}.json", told)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
