"""The process that holds one run: started, told, listened to, ended. What is told is not decided here."""

import json
import logging
import os
import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lifeline

_LOG = logging.getLogger(__name__)
# So many lines may be unread: they fit in the pipe, and telling never waits for the child.
_AHEAD = 50


class Child:
    """`python -m engine.reporting.wandb_child` with its log in `FOLDER/wandb.log`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.last_event: str | None = None
        self.ended_at: int | None = None
        self._unread = 0
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        ours = lifeline.needed(os.environ, (*lifeline.NETWORK, "WANDB_"))
        quiet = {**ours, "WANDB_ERROR_REPORTING": "false", **environment}
        with (folder / "wandb.log").open("ab") as log:
            self._process = lifeline.spawn(["engine.reporting.wandb_child"], log, quiet)
        self._reader = threading.Thread(target=self._read, name="wandb", daemon=True)
        self._reader.start()

    @property
    def room(self) -> int:
        """How many lines may be told now."""
        return max(0, _AHEAD - self._unread)

    def tell(self, kind: str, **fields: Any) -> None:
        """Tell one line; a child that is gone is noticed by `is_gone`."""
        assert self._process.stdin is not None
        self._unread += 1
        try:
            self._process.stdin.write(json.dumps({"kind": kind, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            _LOG.info("The process of a Weights & Biases run is gone.")

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yield what the child has answered since the last call."""
        while not self._answers.empty():
            answer = self._answers.get()
            self._unread -= answer["kind"] in ("begun", "logged")
            yield answer

    @property
    def is_gone(self) -> bool:
        """Whether the child has ended and all its answers can be read."""
        return not self._reader.is_alive() and self._process.poll() is not None

    def stop(self, patience: float) -> None:
        """Let the child close its run for so many seconds, then end it."""
        lifeline.release(self._process, patience)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._process.wait()
