"""One training in a child process: started, listened to line by line, ended. What the lines mean is not known here."""

import json
import logging
import os
import queue
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lifeline

_LOG = logging.getLogger(__name__)


class Run:
    """`python -m engine.trainer FOLDER` as a child on a lifeline; its log is `FOLDER/trainer.log`."""

    def __init__(self, job_id: str, folder: Path) -> None:
        self.job_id = job_id
        self.folder = folder
        self._messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with (folder / "trainer.log").open("ab") as log:
            self._process = lifeline.spawn(["engine.trainer", str(folder)], log, lifeline.without_secrets(os.environ))
        self._reader = threading.Thread(target=self._read, name=f"trainer of {job_id}", daemon=True)
        self._reader.start()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the trainer has said since the last call, each message once."""
        while not self._messages.empty():
            yield self._messages.get()

    def exit_code(self) -> int | None:
        """Return the exit code once the child has ended and all that it said can be read, else None."""
        return None if self._reader.is_alive() else self._process.poll()

    def stop(self) -> None:
        """End the child now; what it has on disk is whole at every moment, so nothing is asked of it first."""
        self._process.kill()
        lifeline.release(self._process, timeout=10)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._messages.put(json.loads(line))
            except ValueError:
                _LOG.warning("The trainer of %s said something that is not JSON: %.200r", self.job_id, line)
        self._process.wait()


def died_of(exit_code: int) -> str:
    """Return in words how a process ended: `signal SIGKILL` or `exit code 3`."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    known = {number.value: number.name for number in signal.Signals}
    return f"signal {known.get(-exit_code, -exit_code)}"
