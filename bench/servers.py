"""Starts what is compared: the service, its peers and the stub behind them, each a process tree with a port."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.fakes.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-peers"
LITELLM = PEERS / "bin" / "litellm"
PORTKEY = PEERS / "node_modules" / "@portkey-ai" / "gateway"
PATIENCE = 300.0  # beside other work LiteLLM takes a minute
# Portkey listens on every address; it is to be compared on this machine only.
_LOOPBACK = """data:text/javascript,import net from 'node:net'; const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...more) {
  return listen.call(this, {port, host: '127.0.0.1'}, ...more.filter(one => typeof one === 'function')) }"""


@dataclass(frozen=True)
class Server:
    """A running process tree, and the port that it answers on."""

    name: str
    port: int
    main: psutil.Process
    seconds_to_answer: float

    def family(self) -> list[psutil.Process]:
        """The process that was started and all that it started."""
        return [self.main, *self.main.children(recursive=True)]

    def without_engine(self) -> list[psutil.Process]:
        """The processes of the service itself, which may have started an engine."""
        return [one for one in (self.main, *self.main.children()) if "engine" not in one.cmdline()]

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes], headers: Mapping[str, str]) -> float:
        """Make a call over a connection of its own; return its seconds.

        Raises:
            RuntimeError: the answer is not 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        began = time.perf_counter()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        took = time.perf_counter() - began
        connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{self.name}, {path}: {answer.status} {said[:300]!r}")
        return took


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Processor time of all of them until now."""
    return float(sum(times.user + times.system for times in (one.cpu_times() for one in processes)))


def megabytes(processes: Sequence[psutil.Process]) -> float:
    """What all of them hold together, in units of 2**20 bytes: PSS on Linux, RSS elsewhere."""
    sizes = [one.memory_full_info() for one in processes]
    return sum(getattr(size, "pss", 0) or size.rss for size in sizes) / 1024**2


@contextmanager
def started(
    name: str, command: Sequence[str | Path], port: int, path: str, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a program, wait until GET `path` answers, and stop it at the end; what it says goes nowhere."""
    quiet, began = subprocess.DEVNULL, time.perf_counter()
    own = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(settings or {})}
    process = subprocess.Popen([*map(str, command)], cwd=ROOT, env=own, stdout=quiet, stderr=quiet)
    try:
        _wait(process, f"http://127.0.0.1:{port}{path}", name)
        yield Server(name, port, psutil.Process(process.pid), time.perf_counter() - began)
    finally:
        _end(process)


def _wait(process: "subprocess.Popen[bytes]", url: str, name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500:  # it is there; the stub knows no such page
                return
            time.sleep(0.003)
        except OSError:
            time.sleep(0.003)
    raise TimeoutError(f"{name} does not answer; its exit code is {process.poll()}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs([psutil.Process(process.pid), *family], timeout=20)
        for one in left:
            one.kill()
    process.wait()


@contextmanager
def stub(chunks: int = 20, gap: float = 0.05) -> Iterator[Server]:
    """The upstream of all, which streams so many chunks so many seconds apart."""
    port = free_port()
    command = (sys.executable, "-m", "bench.stub", str(port), str(chunks), str(gap))
    with started("stub", command, port, "/v1/models") as server:
        yield server


@contextmanager
def ours(upstream: str, name: str = "ours", **settings: str) -> Iterator[Server]:
    """The service as shipped, with a data folder of its own and without the bound on calls a minute."""
    port = free_port()
    with TemporaryDirectory() as folder:
        own = {"PORT": str(port), "DATA_DIR": folder, "RATE_LIMIT": "0", "LOG_LEVEL": "ERROR"}
        where = {"OPENAI_BASE_URL": upstream, "OPENAI_API_KEY": "none", "DEFAULT_MODEL": "m"}
        with started(name, (sys.executable, "app.py"), port, "/status", own | where | settings) as server:
            yield server


@contextmanager
def plain(upstream: str) -> Iterator[Server]:
    """Flask and the SDK, nothing else."""
    port = free_port()
    command = (sys.executable, "-m", "bench.plain", str(port))
    with started("Flask + SDK", command, port, "/status", {"UPSTREAM": upstream}) as server:
        yield server


@contextmanager
def litellm(upstream: str) -> Iterator[Server]:
    """LiteLLM's proxy, one worker, no database, no key, as its documentation shows."""
    port = free_port()
    with TemporaryDirectory() as folder:
        own = {"api_base": upstream, "api_key": "none"}
        config = {
            "model_list": [{"model_name": "m", "litellm_params": {"model": "openai/m", **own}}],
            "files_settings": [{"custom_llm_provider": "openai", **own}],
        }
        path = Path(folder) / "config.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        settings = {
            "LITELLM_LOG": "ERROR",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            "LITELLM_LOCAL_MODEL_COST_MAP": "true",
        }
        command = (LITELLM, "--config", path, "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False")
        with started("LiteLLM", command, port, "/health/liveliness", settings) as server:
            yield server


@contextmanager
def portkey() -> Iterator[Server]:
    """Portkey's gateway under node; each request names its upstream."""
    port = free_port()
    command = ("node", "--import", _LOOPBACK, PORTKEY / "build" / "start-server.js", f"--port={port}", "--headless")
    with started("Portkey", command, port, "/", {"NODE_ENV": "production"}) as server:
        yield server


def peer_versions() -> dict[str, str]:
    """What the peers' environment has of them."""
    found = {path.name.split("-")[1] for path in PEERS.glob("lib/python*/site-packages/litellm-[0-9]*.dist-info")}
    manifest = PORTKEY / "package.json"
    portkey = json.loads(manifest.read_text())["version"] if manifest.is_file() else "not installed"
    return {"LiteLLM": (found.pop() if found else "not installed").removesuffix(".dist"), "Portkey": portkey}
