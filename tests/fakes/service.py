"""`python app.py` as its users start it, in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

import psutil

from tests.fakes.ports import PATIENCE, free_port, wait_until_serving

ROOT = Path(__file__).resolve().parents[2]
# A developer's own keys and models are not the tests' concern.
NO_DATA = Path(tempfile.gettempdir()) / "tune9527-tests-no-data"
INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH")


class Service:
    """One running service; its settings are the environment's."""

    # Kept for `end`, which reads it all; None: it goes where the test's own output goes.
    output: int | None = subprocess.PIPE
    python: Path | str = sys.executable
    folder = ROOT

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self._settings = {"PORT": str(self.port), "LOG_LEVEL": "WARNING", "DATA_DIR": str(NO_DATA), **settings}
        self.start()

    def start(self) -> None:
        """Start it; once more after it ended, with the same settings."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.process = subprocess.Popen(
            [self.python, "app.py"],
            cwd=self.folder,
            env={**inherited, **self._settings},
            stdout=self.output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self, seconds: float = PATIENCE) -> Self:
        """Return once `/status` answers."""
        self.seconds_to_status = wait_until_serving(self.process, self.port, f"{self.url}/status", seconds)
        return self

    def family(self) -> list[psutil.Process]:
        """The main process and everything it started."""
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def kill(self) -> None:
        """End all of it at once, as nobody should."""
        for one in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):  # whoever kept its walls took it along
                one.kill()
        self.process.wait()

    def refusal(self) -> str:
        """Wait until it gives up by itself, and return what it printed."""
        return self.process.communicate(timeout=PATIENCE)[0]

    def end(self) -> str:
        """Stop it if it still runs, and return what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.communicate(timeout=PATIENCE)[0] or ""
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
