"""Counters and histograms in Prometheus' text format 0.0.4, and what the system tells of this process.

What stands in a label is one of a few names that are known beforehand, never what a caller sent: each is kept for good.
"""

import bisect
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds; from an answer of /status to one that writes for minutes.
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_STARTED = time.time()


class Counter:
    """A number that only grows, one for each set of label values."""

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self._name = name
        self._help = help
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        self._lock = Lock()

    def add(self, *values: str) -> None:
        """Count one more; `values` belong to the labels in order."""
        with self._lock:
            self._counts[values] = self._counts.get(values, 0) + 1

    def lines(self) -> Iterator[str]:
        """Yield it as Prometheus reads it."""
        with self._lock:
            counts = sorted(self._counts.items())
        yield from _head(self._name, self._help, "counter")
        for values, count in counts:
            yield f"{self._name}{_labels(self._labels, values)} {count}"


class Histogram:
    """How many seconds things took, one distribution for each value of its label."""

    def __init__(self, name: str, help: str, label: str) -> None:
        self._name = name
        self._help = help
        self._label = label
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._lock = Lock()

    def add(self, value: str, seconds: float) -> None:
        """Count one thing that took `seconds`."""
        with self._lock:
            counts = self._counts.setdefault(value, [0] * (len(_BOUNDS) + 1))
            counts[bisect.bisect_left(_BOUNDS, seconds)] += 1
            self._sums[value] = self._sums.get(value, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """Yield it as Prometheus reads it: each bucket holds those below it too."""
        with self._lock:
            found = [(value, [*counts], self._sums[value]) for value, counts in sorted(self._counts.items())]
        yield from _head(self._name, self._help, "histogram")
        for value, counts, total in found:
            below = 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts, strict=True):
                below += count
                yield f"{self._name}_bucket{_labels((self._label, 'le'), (value, bound))} {below}"
            yield f"{self._name}_sum{_labels((self._label,), (value,))} {total:.6f}"
            yield f"{self._name}_count{_labels((self._label,), (value,))} {below}"


def gauge(name: str, help: str, values: Mapping[str, float] | float, label: str = "") -> Iterator[str]:
    """Yield a number that rises and falls, or one for each value of `label`."""
    yield from _head(name, help, "gauge")
    for value, number in sorted(values.items()) if isinstance(values, Mapping) else [("", values)]:
        yield f"{name}{_labels((label,), (value,)) if label else ''} {number:g}"


def process_lines() -> Iterator[str]:
    """Yield what Prometheus' own libraries tell of a process: memory and open files on Linux alone."""
    yield from _head("process_start_time_seconds", "Start, in unix seconds.", "gauge")
    yield f"process_start_time_seconds {_STARTED:.2f}"
    cpu = time.process_time()
    yield from _head("process_cpu_seconds_total", "Seconds of processor time.", "counter")
    yield f"process_cpu_seconds_total {cpu:.3f}"
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return
    memory = float(pages * os.sysconf("SC_PAGE_SIZE"))
    yield from _head("process_resident_memory_bytes", "Memory held, in bytes.", "gauge")
    yield f"process_resident_memory_bytes {memory:.0f}"
    yield from gauge("process_open_fds", "Open files and connections.", files)


def status_class(status: int) -> str:
    """Return `2xx` for 200 to 299, and so on."""
    return f"{status // 100}xx"


def text(*parts: Iterator[str]) -> str:
    """Return a whole page."""
    return "".join(f"{line}\n" for part in parts for line in part)


def _head(name: str, help: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
