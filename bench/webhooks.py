"""Webhooks from an engine that is killed, to a receiver that fails: bars 0 events lost, every signature good.

Run `python -m bench.webhooks [--events N] [--kills N]`. A real engine (one process, killed by SIGKILL at random points)
is driven by the SDK: each event is a job that is created and cancelled. The receiver refuses half of what comes, after
or before it has read it, and keeps what it took. The pauses between attempts are a hundredth of a second instead of
seconds to hours. There is no baseline: at least once is promised, and duplicates are counted.
"""

import argparse
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai
from openai import OpenAI

from tests.fakes.bare_gguf import BARE
from tests.fakes.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
PATIENCE = 60.0


@dataclass
class Tally:
    """What the driver and the receiver saw; `taken` counts the answers with 200 by job."""

    events: int = 0
    kills: int = 0
    attempts: int = 0
    refused: int = 0
    unverified: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    ids: dict[str, set[str]] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)

    @property
    def lost(self) -> set[str]:
        """Jobs whose end was acknowledged to the caller and never reached the receiver."""
        return self.wanted - set(self.taken)

    @property
    def duplicates(self) -> int:
        """How many more than once were taken."""
        return sum(self.taken.values()) - len(self.taken)

    @property
    def ids_changed(self) -> int:
        """Events that came under more than one webhook-id."""
        return sum(len(ids) > 1 for ids in self.ids.values())


class Receiver:
    """Refuses about half of what comes and keeps a tally of the rest; signatures are the SDK's to judge."""

    def __init__(self, tally: Tally, seed: int) -> None:
        self.tally = tally
        self.secret = ""
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._client = OpenAI(api_key="unused", base_url="http://127.0.0.1:9/v1")
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # the engine was killed while it sent: not a delivery, and nobody waits for the answer
                self.send_response(receiver.take(body, dict(self.headers)))
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.server.server_address[1]}"

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Verify and count one delivery; return the status to answer."""
        with self._lock:
            self.tally.attempts += 1
            try:
                self._client.webhooks.unwrap(body, headers, secret=self.secret)
            except openai.InvalidWebhookSignatureError:
                self.tally.unverified += 1
                return 400
            job_id = str(json.loads(body)["data"]["id"])
            self.tally.ids.setdefault(job_id, set()).add(headers["webhook-id"])
            if self._chance.random() < 0.5:
                self.tally.refused += 1
                return 503
            self.tally.taken[job_id] += 1
            return 200


class Engine:
    """The engine as a process that can be killed; its data stay."""

    def __init__(self, data_dir: Path, allowed: str) -> None:
        (data_dir / "base.gguf").write_bytes(BARE)
        self.port = free_port()
        named = {"ENGINE_PORT": str(self.port), "DATA_DIR": str(data_dir), "BASE_MODEL": str(data_dir / "base.gguf")}
        self._environment = {**os.environ, **named, "WEBHOOK_ALLOWED_HOSTS": allowed}
        self.client = OpenAI(api_key="unused", base_url=f"http://127.0.0.1:{self.port}/v1", max_retries=0, timeout=10)
        self._process = self._start()

    def kill(self) -> None:
        """End it by SIGKILL, as at any line, and start it anew."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def close(self) -> None:
        """End it for good."""
        self._process.kill()
        self._process.wait()
        self.client.close()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.webhooks", "--engine"], cwd=ROOT, env=self._environment
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.client.webhooks.event_types.list()
            except openai.APIConnectionError:
                time.sleep(0.01)
            else:
                return process
        raise TimeoutError("the engine does not answer")


def run_engine() -> None:
    """In the child: the engine's app and its deliveries in one process, with pauses of moments between attempts."""
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    from config import EngineConfig
    from engine.app import create_engine
    from engine.webhooks.deliveries import Deliveries, Schedule
    from engine.webhooks.sender import Sender

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    logging.basicConfig(level=logging.ERROR)
    config = EngineConfig.from_env()
    app = create_engine(config)
    store, sender = app.extensions["engine"].store, Sender(frozenset(config.webhook_allowed_hosts.split()))
    deliveries = Deliveries(store, sender, Schedule(first=0.01, factor=2, most=0.5, lifetime=3600, lease=0.5))
    loop = (threading.Event(), time.time, 0.002)
    threading.Thread(target=deliveries.run, args=loop, daemon=True).start()
    make_server(config.host, config.port, app, WSGIServer, Quiet).serve_forever()


def end_jobs(engine: Engine, tally: Tally, events: int, file_id: str) -> None:
    """Create and cancel jobs until that many ends are acknowledged; calls that a kill cuts off are made again."""
    while len(tally.wanted) < events:
        try:
            job = engine.client.fine_tuning.jobs.create(model="base", training_file=file_id)
            tally.wanted.add(cancel(engine, job.id))
        except openai.APIConnectionError:
            time.sleep(0.02)


def cancel(engine: Engine, job_id: str) -> str:
    """Cancel a job and return its id; if the answer was lost, the job says how it stands."""
    while True:
        try:
            if engine.client.fine_tuning.jobs.retrieve(job_id).status != "cancelled":
                engine.client.fine_tuning.jobs.cancel(job_id)
        except openai.APIConnectionError:
            time.sleep(0.02)
        else:
            return job_id


@contextmanager
def killing(engine: Engine, tally: Tally, kills: int, chance: random.Random) -> Iterator[threading.Thread]:
    """Kill the engine that many times while the block runs, and until they are done."""

    def kill() -> None:
        for _ in range(kills):
            time.sleep(chance.uniform(0.1, 1.0))
            engine.kill()
            tally.kills += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def drive(data_dir: Path, events: int, kills: int, seed: int = 9527) -> Tally:
    """Let `events` jobs end under `kills` kills, wait until all is delivered, and return the tally."""
    tally = Tally(events=events)
    receiver = Receiver(tally, seed)
    engine = Engine(data_dir, receiver.host)
    try:
        url = f"http://{receiver.host}/"
        made = engine.client.webhooks.create(event_types=["fine_tuning.job.cancelled"], name="bench", url=url)
        receiver.secret = made.signing_secret
        file_id = engine.client.files.create(purpose="fine-tune", file=("t.jsonl", LINE)).id
        with killing(engine, tally, kills, random.Random(seed)):
            end_jobs(engine, tally, events, file_id)
        deadline = time.monotonic() + PATIENCE
        while tally.lost and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # what comes twice comes now
    finally:
        engine.close()
        receiver.server.shutdown()
        receiver.server.server_close()
    return tally


def main() -> int:
    """Print the tally; 1 if an event was lost or a signature bad."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=9527)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.engine:
        run_engine()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = drive(Path(folder), asked.events, asked.kills, asked.seed)
    figures = {
        "events": len(tally.wanted),
        "kills": tally.kills,
        "attempts": tally.attempts,
        "refused": tally.refused,
        "lost": len(tally.lost),
        "twice": tally.duplicates,
        "ids changed": tally.ids_changed,
        "unverified": tally.unverified,
        "seconds": round(time.monotonic() - began),
    }
    print("".join(f"{name:>12}" for name in figures))
    print("".join(f"{figure:12}" for figure in figures.values()))
    return 1 if tally.lost or tally.ids_changed or tally.unverified else 0


if __name__ == "__main__":
    sys.exit(main())
