"""An engine alone and live, for tests of its callers: `python -m engine serve` on the base model that they choose."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Self

from tests.fakes.ports import PATIENCE, free_port, wait_until_serving

ROOT = Path(__file__).resolve().parents[1]
# Tests run side by side, one for each core: threads of one training would wait for each other at every step.
ONE_THREAD = {"TRAINING_THREADS": "1", "SERVING_THREADS": "1"}


class LiveEngine:
    """One running engine that keeps its data in `folder`; `url` is its base URL, `/v1` included."""

    program: tuple[str, ...] = ("engine", "serve")
    # Where what it says goes; None: where the test's own output goes.
    output: IO[bytes] | None = None

    def __init__(self, folder: Path, base_model: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        own = {"ENGINE_PORT": str(self.port), "DATA_DIR": str(folder), "CONTEXT_TOKENS": "256", **ONE_THREAD}
        self._environment = {**os.environ, **own, "BASE_MODEL": str(base_model), **settings}
        self.start()

    def start(self) -> Self:
        """Start it; once more after it was killed, with the same settings."""
        command = [sys.executable, "-m", *self.program]
        output: dict[str, Any] = {"stdout": self.output, "stderr": subprocess.STDOUT} if self.output else {}
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, **output)
        return self

    def kill(self) -> None:
        """End it as nobody should."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = PATIENCE) -> Self:
        """Return once it answers: this one, not what is left for a moment of one that was killed."""
        wait_until_serving(self.process, self.port, self.url, seconds)
        return self

    def end(self) -> int:
        """Stop it, and return its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)
