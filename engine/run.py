"""One training in a child process: started, listened to line by line, ended. What the lines mean is not known here."""

import json
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lifeline
import sandbox
from engine import durable, inputs
from engine.jobs import method_of
from engine.store import Record
from engine.watch import Watch

_LOG = logging.getLogger(__name__)


def write_spec(job: Record, folder: Path, base: Path, max_tokens: int, threads: int, rehearses: bool = False) -> None:
    """Write `spec.json`, which the trainer reads: what was settled at the first start stays, what is this machine's
    (paths and threads) is told anew, for the folder or the base model may have moved since."""
    path, adapter, validation = folder / "spec.json", folder / "init_adapter", folder / "validation_file.jsonl"
    settled = {
        "job_id": job["id"],
        "method": method_of(job),
        "hyperparameters": job["hyperparameters"],
        "seed": job["seed"],
        "max_tokens": max_tokens,
        "rehearses": rehearses,
    }
    of_this_machine = {
        "base": str(base.resolve()),
        "init_adapter": str(adapter.resolve()) if adapter.is_dir() else None,
        "training_file": str((folder / "training_file.jsonl").resolve()),
        "validation_file": str(validation.resolve()) if validation.is_file() else None,
        "threads": threads,
    }
    known = durable.read_json(path) if path.exists() else settled
    durable.write_json(path, known | of_this_machine)


class Run:
    """`python -m engine.trainer FOLDER` as a child on a lifeline; its log is `FOLDER/trainer.log`."""

    def __init__(self, job_id: str, folder: Path, base: Path, watch: Watch) -> None:
        self.job_id = job_id
        self.folder = folder
        self._watch = watch
        self._messages: deque[dict[str, Any]] = deque()
        own = folder.resolve()
        walls = sandbox.Walls(reads=[base.resolve(), *inputs.present(own)], writes=[own])
        command, environment = ["engine.trainer", str(own)], lifeline.needed(os.environ)
        with (folder / "trainer.log").open("ab") as log:
            self._process = lifeline.spawn(command, log, environment, walls)
        self._reader = threading.Thread(target=self._read, name=f"trainer of {job_id}", daemon=True)
        self._reader.start()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the trainer has said; a message is done with when the next is asked for, else it comes again."""
        while self._messages:
            yield self._messages[0]
            self._messages.popleft()

    def end(self) -> str | None:
        """Return in words how the child ended, once all it said can be read; one that stands still is ended here."""
        if not self._reader.is_alive():
            return f"ended by {died_of(self._process.wait())}"
        if not self._watch.stands_still():
            return None
        self.stop()
        return f"stood still for {self._watch.patience:.0f} seconds and was ended"

    def stop(self) -> None:
        """End the child now; what it has on disk is whole at every moment, so nothing is asked of it first."""
        lifeline.kill(self._process)
        lifeline.release(self._process, timeout=10)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                _LOG.warning("The trainer of %s said something that is not JSON: %.200r", self.job_id, line)
                continue
            self._watch.hear(message)
            self._messages.append(message)
        self._process.wait()


def died_of(exit_code: int) -> str:
    """Return in words how a process ended: `signal SIGKILL` or `exit code 3`; bubblewrap, as shells do, adds 128."""
    known = {number.value: number.name for number in signal.Signals}
    number = -exit_code if exit_code < 0 else exit_code - 128
    return f"signal {known[number]}" if number in known else f"exit code {exit_code}"
