"""A spare model process: through Python's start and llama.cpp's import, it waits to be told which model to serve.

Both together are a sixth of a cold start. When there is a spare, and which model it becomes, is the pool's matter.
"""

import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from subprocess import Popen
from typing import Any

import lifeline
import sandbox

BYTES = 12 * 1024 * 1024
"""What a spare holds of its own, beside the files that all such processes map (docs/log.md)."""
STOP_SECONDS = 5.0
# A start writes zeros over the whole cache, which large pages make cheap where Linux has them (docs/log.md).
_LARGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
# A failed assertion of llama.cpp would start a debugger, which takes seconds and writes to the log what memory holds.
_NO_DEBUGGER = ("GGML_NO_BACKTRACE", "1")
_LOG = logging.getLogger(__name__)


def spawn(log: Path, walls: sandbox.Walls | None = None) -> Popen[bytes]:
    """Start a process that waits to be told; until then it writes to the end of `log`. Raises OSError."""
    environment = lifeline.without_secrets(os.environ)
    environment.setdefault(*_LARGE_PAGES)
    environment.setdefault(*_NO_DEBUGGER)
    with log.open("ab") as stream:
        return lifeline.spawn(["engine.serving.llamacpp"], stream, environment, walls)


def tell(child: Popen[bytes], arguments: Mapping[str, Any]) -> None:
    """Tell a process that waits what to serve, and which `log` to write to. Raises OSError: it has ended."""
    assert child.stdin is not None
    child.stdin.write(json.dumps(arguments).encode() + b"\n")
    child.stdin.flush()


class Standby:
    """Keeps one spare at most, which ends with this process; safe for any number of threads."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._spare: Popen[bytes] | None = None
        self._begun = False

    def prepare(self) -> None:
        """Begin to start a spare unless there is one; if none can be started, models start without.

        Within walls there is none: they are built around the files of one model.
        """
        with self._lock:
            if self._spare is None and not self._begun and not sandbox.stands():
                self._begun = True
                threading.Thread(target=self._start, name="standby", daemon=True).start()

    def _start(self) -> None:
        with self._lock:
            if self._begun:
                self._begun = False
                try:
                    self._spare = spawn(self._log)
                except OSError as error:
                    _LOG.warning("No spare process for models: %s", error)

    def take(self) -> Popen[bytes] | None:
        """Give the spare away, if there is one that lives."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None or spare.poll() is None:
            return spare
        end(spare)
        return None

    def end(self) -> None:
        """End the spare; harmless if there is none."""
        with self._lock:
            self._begun = False
        if (spare := self.take()) is not None:
            end(spare)


def end(child: Popen[bytes]) -> None:
    """End a process; harmless when it has ended."""
    lifeline.release(child, STOP_SECONDS)
    if child.stdout is not None:
        child.stdout.close()
