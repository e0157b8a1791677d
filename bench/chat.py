"""How much of llama.cpp's speed reaches a caller of port 9527: bars 0.8 of its tokens/s, 5 ms more to the first token.

Run `python -m bench.chat [ROUNDS]`. In each round every way in streams one answer of 128 tokens, for the speed, and
five of 8 tokens, for the time to the first; greedy, prompt cached, one caller. The ways in take turns, and each figure
is a median over all rounds. The baseline is llama.cpp's own HTTP server, in the very process that the engine keeps.
"""

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import loopback
from config import EngineConfig
from engine import catalogue
from tests.fakes.ports import free_port, model_address, model_server

ROOT = Path(__file__).resolve().parents[1]
LONG, SHORT, SHORT_ONES = 128, 8, 5  # tokens of an answer; short answers in a round
ASKED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Write a long story about a lighthouse keeper and the sea."}],
    "temperature": 0,
    "max_tokens": LONG,
    "stream": True,
    "logit_bias": {"2": -100},  # the end token: every answer has its full length
}
Way = tuple[int | str, str, Mapping[str, Any]]  # port, path, body
ENGINE_KEY = "known-to-the-bench"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {ENGINE_KEY}"}


@dataclass(frozen=True)
class Running:
    """A service with its embedded engine, just started."""

    port: int
    engine_port: int
    main: psutil.Process

    def model_address(self) -> str:
        """Return where the llama.cpp process listens that the engine keeps."""
        server = model_server(self.main)
        if server is None:
            raise LookupError("no model is loaded")
        return str(model_address(server))


@contextmanager
def service(settings: Mapping[str, str]) -> Iterator[Running]:
    """Start `python app.py` with an engine and a data folder of its own; stop it at the end."""
    config = EngineConfig.from_env()
    models = catalogue.default_catalogue()
    base = catalogue.fetch(catalogue.find(config.base_model, models), config.data_dir / "models")
    port, engine_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "PORT": str(port),
            "ENGINE_PORT": str(engine_port),
            "ENGINE_API_KEY": ENGINE_KEY,
            "DATA_DIR": folder,
            "BASE_MODEL": str(base.resolve()),
        }
        quiet = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "LOG_LEVEL": "ERROR"}
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **quiet, **own, **settings})
        try:
            wait_for(engine_port)
            wait_for(port)
            yield Running(port, engine_port, psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_for(port: int) -> None:
    """Wait until something listens there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            return connection.connect()
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise TimeoutError(f"nothing listens on port {port}")


def streamed(where: int | str, path: str, body: Mapping[str, Any]) -> tuple[float, float]:
    """Ask a port or an address once; return the seconds to the first token and the tokens per second after it."""
    connection = loopback.Connection(where if isinstance(where, str) else f"http://127.0.0.1:{where}", 300)
    began = time.perf_counter()
    connection.request("POST", path, json.dumps(body), HEADERS)
    response = connection.getresponse()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(response.read().decode())
    arrived = [time.perf_counter() for line in response if _says_something(line)]
    connection.close()
    return arrived[0] - began, (len(arrived) - 1) / (arrived[-1] - arrived[0])


def _says_something(line: bytes) -> bool:
    if not line.startswith(b"data: {"):
        return False
    choices = json.loads(line[6:])["choices"]
    return bool(choices and choices[0]["delta"].get("content"))


def in_turns(ways: Mapping[str, Way], rounds: int, answers: int, tokens: int) -> dict[str, list[tuple[float, float]]]:
    """Ask every way in for `answers` answers a round; return the figures of `streamed` by way."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds * answers):
        for name, (where, path, body) in ways.items():
            seen[name].append(streamed(where, path, {**body, "max_tokens": tokens}))
    return seen


def main() -> None:
    """Print one row a way in."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with service({}) as running:
        engine = (running.engine_port, "/v1/chat/completions", {**ASKED, "model": "gpt-3.5-turbo"})
        streamed(*engine)
        ways: dict[str, Way] = {
            "llama.cpp": (running.model_address(), "/v1/chat/completions", ASKED),
            "engine /v1": engine,
            "service /chat": (running.port, "/chat", ASKED),
        }
        long, short = in_turns(ways, rounds, 1, LONG), in_turns(ways, rounds, SHORT_ONES, SHORT)
    firsts = {name: statistics.median(first for first, _ in short[name]) for name in ways}
    speeds = {name: statistics.median(speed for _, speed in long[name]) for name in ways}
    print(f"{'way in':16}{'ms to first':>13}{'ms added':>10}{'tokens/s':>10}{'share':>8}")
    for name in ways:
        added, share = firsts[name] - firsts["llama.cpp"], speeds[name] / speeds["llama.cpp"]
        print(f"{name:16}{1e3 * firsts[name]:13.1f}{1e3 * added:10.1f}{speeds[name]:10.1f}{share:8.2f}")


if __name__ == "__main__":
    main()
