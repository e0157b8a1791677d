"""`python -m bench.kills [KILLS] [SEED]`: kill -9 of the trainer, then of the engine, KILLS times each, at random.

A tiny random model is trained, one job after the other. Prints what each promise came to: how many jobs ended in what,
the most steps that were trained again (at most an epoch's), adapters of another sha256, orphans.
"""

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import requests

from engine import durable
from engine.store import MODELS, Store
from tests.fakes.ports import free_port, until, wait_until_answers
from tests.tiny_models import write_tiny_gguf

ROOT = Path(__file__).parents[1]
ROWS, EPOCHS = 10, 6
_END = re.compile("successfully completed|times without progress")
ENDED = ("succeeded", "failed", "cancelled")
LINE = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "answer"}]}


class Engine:
    """`python -m engine serve` on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._port = free_port()
        base = write_tiny_gguf(folder / "tiny.gguf")
        settings = {"DATA_DIR": str(self.data), "BASE_MODEL": str(base), "ENGINE_PORT": str(self._port)}
        self._settings = {**os.environ, **settings, "CONTEXT_TOKENS": "256", "LOG_LEVEL": "ERROR", "DATABASE_URL": ""}

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen([sys.executable, "-m", "engine", "serve"], cwd=ROOT, env=self._settings)
        wait_until_answers(f"http://127.0.0.1:{self._port}/v1/models", 60)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return what a call answers."""
        reply = requests.request(method, f"http://127.0.0.1:{self._port}/v1{path}", timeout=60, **options)
        assert reply.ok, reply.text
        return reply.json()

    def create(self) -> str:
        """Begin a job that trains for a while."""
        content = "".join(json.dumps(LINE) + "\n" for _ in range(ROWS))
        file = self.call("POST", "/files", data={"purpose": "fine-tune"}, files={"file": ("t.jsonl", content)})
        asked = {"model": "tiny", "training_file": file["id"]}
        asked["hyperparameters"] = {"n_epochs": EPOCHS, "batch_size": 1}
        return str(self.call("POST", "/fine_tuning/jobs", json=asked)["id"])

    def trainer(self) -> psutil.Process | None:
        """The child that trains, if one does."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return next((one for one in family if "engine.trainer" in command(one)), None)


def command(process: psutil.Process) -> str:
    """The command line of a process, nothing if it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill_once(engine: Engine, what: str, chance: random.Random, jobs: list[str]) -> int:
    """Kill the trainer or the engine at a random moment; return how many orphans lived 5 s after the restart."""
    if not jobs or engine.call("GET", f"/fine_tuning/jobs/{jobs[-1]}")["status"] in ENDED:
        jobs.append(engine.create())
    trainer = until(engine.trainer, 60)
    time.sleep(chance.uniform(0, 6))
    if what == "trainer":
        with contextlib.suppress(psutil.NoSuchProcess):  # its job may have ended just now
            trainer.kill()
        return 0
    family = psutil.Process(engine.process.pid).children(recursive=True)
    engine.process.kill()
    engine.process.wait()
    engine.start()
    orphans = [one for one in psutil.wait_procs(family, timeout=5)[1] if one.is_running() and command(one)]
    for one in orphans:
        print(f"orphan: {command(one)}")
    return len(orphans)


def redone(events: list[dict[str, Any]]) -> Iterator[int]:
    """How many steps each new start of the trainer went back, from a job's events, oldest first."""
    step = 0
    for event in events:
        data = event["data"] or {}
        if "resumed_from" in data:
            yield step - (data["resumed_from"] or 0)
        step = max(step, data.get("step", 0))


def look_at(engine: Engine, jobs: list[str]) -> None:
    """Wait until every job has ended, and print what became of them."""
    states: dict[str, int] = {}
    again, ends_told = [0], 0
    for job_id in jobs:
        job = until(partial(ended, engine, job_id), 180)
        states[job["status"]] = states.get(job["status"], 0) + 1
        events = engine.call("GET", f"/fine_tuning/jobs/{job_id}/events?limit=1000")["data"][::-1]
        again += redone(events)
        ends_told += sum(
            bool(re.search("successfully completed|times without progress", one["message"])) for one in events
        )
        if job["status"] == "succeeded":
            asked = {"model": job["fine_tuned_model"], "messages": [{"role": "user", "content": "q"}], "max_tokens": 2}
            engine.call("POST", "/chat/completions", json=asked)
    store = Store(engine.data / "engine.sqlite3")
    models = store.newest(MODELS, None)
    store.close()
    other = sum(durable.sha256(engine.data / one["adapter"]) != one["sha256"] for one in models)
    print(f"jobs {len(jobs)}: {states}; ends told {ends_told}")
    print(f"steps trained again at most {max(again)} (an epoch has {ROWS})")
    print(f"models published {len(models)}, with another sha256 {other}; each job's own answered")


def ended(engine: Engine, job_id: str) -> Any:
    """The job if it has ended."""
    job = engine.call("GET", f"/fine_tuning/jobs/{job_id}")
    return job if job["status"] in ENDED else None


def main() -> None:
    """Kill, then count."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    chance, jobs, orphans, begun = random.Random(seed), list[str](), 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        engine.start()
        for what in ("trainer", "engine"):
            orphans += sum(kill_once(engine, what, chance, jobs) for _ in range(kills))
        print(f"seed {seed}: trainer and engine killed {kills} times each in {time.monotonic() - begun:.0f} s")
        print(f"orphans 5 s after a restart: {orphans}")
        look_at(engine, jobs)
        engine.process.terminate()
        engine.process.wait(30)


if __name__ == "__main__":
    main()
