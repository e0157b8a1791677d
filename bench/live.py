"""The whole product as its user has it, on the default base model; and a caller with a stopwatch."""

import http.client
import json
import os
import signal
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
from openai import OpenAI

import loopback
from bench import docstrings
from config import EngineConfig
from engine import catalogue
from engine.catalogue import BaseModel
from tests.fakes.ports import free_port, model_address, model_server, until

ROOT = Path(__file__).resolve().parents[1]
ENGINE_KEY = "known-to-the-bench"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {ENGINE_KEY}"}
# A training that has learned something, of which the answers are not looked at.
ROWS, EPOCHS = 16, 2
PATIENCE = 600.0


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

    def client(self) -> OpenAI:
        """The SDK, on the engine."""
        return OpenAI(api_key=ENGINE_KEY, base_url=f"http://127.0.0.1:{self.engine_port}/v1")

    def train(self) -> str:
        """Train a model, and return its name."""
        client = self.client()
        rows = "".join(json.dumps(row) + "\n" for row in docstrings.chats(ROWS))
        file = client.files.create(file=("rows.jsonl", rows.encode()), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(
            model="gpt-3.5-turbo", training_file=file.id, hyperparameters={"n_epochs": EPOCHS}
        )
        return model_of(client, job.id)


def ended(client: OpenAI, job_id: str) -> Any:
    """Return the job once it has ended, else None."""
    job = client.fine_tuning.jobs.retrieve(job_id)
    return job if job.status in ("succeeded", "failed", "cancelled") else None


def default_base() -> tuple[BaseModel, Path]:
    """The default base model and where it is, fetched if need be."""
    config = EngineConfig.from_env()
    base = catalogue.find(config.base_model, catalogue.default_catalogue())
    return base, catalogue.fetch(base, config.data_dir / "models").resolve()


def model_of(client: OpenAI, job_id: str) -> str:
    """Wait for the job's end, and return its model's name; raises RuntimeError if it has none."""
    job = until(lambda: ended(client, job_id), PATIENCE)
    if not job.fine_tuned_model:
        raise RuntimeError(f"the training ended as {job.status}: {job.error}")
    return str(job.fine_tuned_model)


@contextmanager
def service(settings: Mapping[str, str]) -> Iterator[Running]:
    """Start `python app.py` with an engine and a data folder of its own; stop it at the end."""
    _, base = default_base()
    port, engine_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "PORT": str(port),
            "ENGINE_PORT": str(engine_port),
            "ENGINE_API_KEY": ENGINE_KEY,
            "DATA_DIR": folder,
            "BASE_MODEL": str(base),
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


def arrivals(where: int | str, path: str, body: Mapping[str, Any]) -> list[float]:
    """Ask a port or an address for a stream; return the seconds after which each of its tokens came."""
    connection = loopback.Connection(where if isinstance(where, str) else f"http://127.0.0.1:{where}", 300)
    began = time.perf_counter()
    connection.request("POST", path, json.dumps(body), HEADERS)
    response = connection.getresponse()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(response.read().decode())
    arrived = [time.perf_counter() - began for line in response if _says_something(line)]
    connection.close()
    return arrived


def streamed(where: int | str, path: str, body: Mapping[str, Any]) -> tuple[float, float]:
    """Ask once; return the seconds to the first token and the tokens per second after it."""
    arrived = arrivals(where, path, body)
    return arrived[0], (len(arrived) - 1) / (arrived[-1] - arrived[0])


def _says_something(line: bytes) -> bool:
    if not line.startswith(b"data: {"):
        return False
    choices = json.loads(line[6:])["choices"]
    return bool(choices and choices[0]["delta"].get("content"))
