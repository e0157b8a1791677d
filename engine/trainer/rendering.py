"""Bounds what one rendering of a chat template may take; what is rendered is not known here.

Only where signals exist and in the main thread, which is where a child renders; Linux alone bounds the memory.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 1.0
LAST_SECONDS = 3.0  # one operation of many seconds hears no exception, so the process is ended
MEMORY = 256 * 1024**2
LONGEST = 4_000_000


class TooMuch(Exception):
    """A rendering took more time or memory, or made a longer text, than any chat needs."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise TooMuch if what is done inside takes more than SECONDS of processor time or MEMORY; end the process later.

    The process ends by SIGVTALRM after LAST_SECONDS.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LAST_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with _little_memory():
            yield
    except MemoryError:
        raise TooMuch(f"takes more than {MEMORY // 1024**2} MB") from None
    except RecursionError:
        raise TooMuch("calls itself without end") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGPROF, before)


def _stop(*_: Any) -> None:
    raise TooMuch(f"takes more than {SECONDS:g} s of processor time")


@contextmanager
def _little_memory() -> Iterator[None]:
    """Private memory may grow by MEMORY."""
    facts = Path("/proc/self/statm")
    if not facts.is_file():
        yield
        return
    import resource

    held = int(facts.read_text().split()[5]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = held + MEMORY if hard == resource.RLIM_INFINITY else min(held + MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
