"""The channel to the worker: JSON lines on the stdout the process was started with; it interprets nothing."""

import json
import math
import os
import sys
import time
from typing import IO, Any

_QUIET_SECONDS = 20.0


class Progress:
    """Writes one JSON object per line, flushed at once."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._spoke = math.inf

    def send(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        self._stream.write(json.dumps({"kind": kind, **fields}, ensure_ascii=False) + "\n")
        self._stream.flush()
        self._spoke = time.monotonic()

    def working(self) -> None:
        """Say that work goes on, if nothing was said for a while since it began: whoever stands still is ended."""
        now = time.monotonic()
        self._spoke = min(self._spoke, now)
        if now - self._spoke > _QUIET_SECONDS:
            self.send("working")


def take_stdout() -> Progress:
    """Keep the original stdout for progress and point file descriptor 1 at stderr, so that no library can spoil it."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return Progress(channel)
