"""How soon `python app.py` answers `/status`, and how much memory it holds: bars 1.5 s and 120 MB.

Run `python -m bench.status [RUNS]`; it starts the service with an upstream that is never asked, and with the embedded
engine (whose own processes are not counted). The baseline is Flask's development server with nothing but `/status`.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
BASELINE = """
import os
from flask import Flask
app = Flask("baseline")
app.add_url_rule("/status", view_func=lambda: {"info": "ok", "response": {}})
app.run(port=int(os.environ["PORT"]))
"""
SETTLE = 3.0


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def seconds_to_status(port: int) -> float:
    """Ask until the answer is 200."""
    began = time.perf_counter()
    while time.perf_counter() - began < 30:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=1):
                return time.perf_counter() - began
        except OSError:
            time.sleep(0.005)
    raise TimeoutError("no answer in 30 s")


def megabytes(main: psutil.Process) -> float:
    """Return what the service's two processes hold together (PSS on Linux, RSS elsewhere), without the engine's."""
    sizes = [process.memory_full_info() for process in [main, *main.children()]]
    return sum(getattr(size, "pss", 0) or size.rss for size in sizes) / 1e6


def once(command: Sequence[str], settings: Mapping[str, str]) -> tuple[float, float]:
    """Start once; return the seconds to `/status`, and the megabytes once the SDK is loaded too."""
    port = free_port()
    environment = {**os.environ, **settings, "PORT": str(port), "ENGINE_PORT": str(free_port()), "LOG_LEVEL": "ERROR"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    try:
        seconds = seconds_to_status(port)
        time.sleep(SETTLE)
        return seconds, megabytes(psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Print one row a case."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cases: dict[str, tuple[list[str], dict[str, str]]] = {
        "baseline: bare Flask": (["-c", BASELINE], {}),
        "service, remote upstream": (["app.py"], {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}),
        "service, embedded engine": (["app.py"], {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}),
    }
    print(f"{'case':28}{'s to /status':>14}{'slowest':>10}{'MB':>8}{'x time':>9}{'x MB':>7}")
    base: tuple[float, float] | None = None
    for name, (command, settings) in cases.items():
        seconds, sizes = zip(*(once(command, settings) for _ in range(runs)), strict=True)
        row = statistics.median(seconds), statistics.median(sizes)
        base = base or row
        ratios = f"{row[0] / base[0]:9.1f}{row[1] / base[1]:7.1f}"
        print(f"{name:28}{row[0]:14.2f}{max(seconds):10.2f}{row[1]:8.0f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
