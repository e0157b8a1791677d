"""Who did what: one JSON line for each call that may have changed or given out something, for its owner to read.

A line is written by one call of the system, so that it is whole or not there. It is not forced to the disk, which would
cost each call milliseconds: a killed process loses nothing, a power cut the last seconds.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from observe.masking import hide

log = logging.getLogger("tune9527.audit")
MOST_BYTES = 16 * 1024 * 1024
# audit.jsonl.1 is the newest of the full ones.
KEPT = 9
# Calls of these methods leave no line.
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST = 256


class Audit:
    """The file `path`; when it has `most_bytes` it becomes `path`.1, and the oldest of KEPT such goes."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._now = now
        self._lock = Lock()

    def write(self, done: Mapping[str, Any]) -> None:
        """Append one line with the time and what was done; what cannot be written is said in the log instead."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
        line = json.dumps({"time": moment, **{name: _short(value) for name, value in done.items()}})
        try:
            with self._lock:
                self._append(f"{hide(line)}\n".encode())
        except OSError as trouble:
            log.error("%s cannot be written (%s); what it lacks: %s", self._path.name, trouble, line)

    def _append(self, line: bytes) -> None:
        file = self._open()
        try:
            os.write(file, line)
            full = os.fstat(file).st_size >= self._most_bytes
        finally:
            os.close(file)
        if full:
            self._rotate()

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _rotate(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number}"))


def _short(value: Any) -> Any:
    """What callers name may be long; what it names is not."""
    if isinstance(value, str):
        return value[:_LONGEST]
    return [_short(one) for one in value] if isinstance(value, list) else value
