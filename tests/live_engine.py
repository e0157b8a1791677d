"""An engine alone and live, for tests of its callers: `python -m engine serve` on the base model that they choose."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.fakes.ports import free_port, wait_until_answers

ROOT = Path(__file__).resolve().parents[1]


class LiveEngine:
    """One running engine that keeps its data in `folder`; `url` is its base URL, `/v1` included."""

    def __init__(self, folder: Path, base_model: Path, **settings: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        own = {"ENGINE_PORT": str(port), "DATA_DIR": str(folder), "CONTEXT_TOKENS": "256"}
        self._environment = {**os.environ, **own, "BASE_MODEL": str(base_model), **settings}
        self.start()

    def start(self) -> Self:
        """Start it; once more after it was killed, with the same settings."""
        self.process = subprocess.Popen([sys.executable, "-m", "engine", "serve"], cwd=ROOT, env=self._environment)
        return self

    def kill(self) -> None:
        """End it as nobody should."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = 30.0) -> Self:
        """Return once it answers."""
        wait_until_answers(self.url, seconds)
        return self

    def end(self) -> int:
        """Stop it, and return its exit status."""
        self.process.terminate()
        return self.process.wait(20)
