"""A free port of this machine, and patience until something answers there."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

PATIENCE = 180
"""Seconds: what only must come sometime may come late, beside other tests and on a slow machine."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.02) -> Any:
    """Return the first truthy value of `true`, which is asked again after each `pause`."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(pause)
    return found


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def wait_until_answers(url: str, seconds: float = PATIENCE) -> float:
    """Return how many seconds it took; fail the test when it takes too long."""
    began = time.monotonic()
    until(lambda: answers(url), seconds)
    return time.monotonic() - began
