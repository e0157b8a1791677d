"""`python -m bench.kills [KILLS] [SEED]`: kill -9 of the trainer, then of the engine, KILLS times each, at random.

A tiny random model is trained, one job after the other; two kills in three come amid its steps, the others on the way
to them; of a trainer's, itself and the keeper of its walls are killed in turns; the last job is left alone. Prints what
each promise came to, and ends with 1 if one was broken: a job without exactly one end, more steps trained again than a
checkpoint's interval, an adapter that does not load or has another sha256, something that is left of the killed after
five seconds, a job that succeeded without a model, or none that succeeded.
"""

import collections
import contextlib
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import requests

from engine import durable
from engine.store import MODELS, WEBHOOK_EVENTS, Record, Store
from tests.fakes.ports import until
from tests.live_engine import LiveEngine
from tests.live_service import command
from tests.tiny_models import write_tiny_gguf

ROWS, EPOCHS = 10, 50  # a step a row, a checkpoint an epoch
AMID_STEPS = 2 / 3
ORPHAN_SECONDS = 5.0
PAUSE = 0.2  # asked more often, the engine takes the trainer's core
PATIENCE = 600.0  # a trainer comes after everything else that a busy machine does
ENDED = ("succeeded", "failed", "cancelled")
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"answer"}]}\n'


class Driver:
    """An engine on a folder of its own, and the jobs that it was given."""

    def __init__(self, folder: Path, chance: random.Random, epochs: int) -> None:
        self.data = folder / "data"
        self.jobs: list[str] = []
        self.chance = chance
        self.epochs = epochs
        self.victims = itertools.cycle((-1, 0))
        settings = {"LOG_LEVEL": "ERROR", "DATABASE_URL": ""}
        self.engine = LiveEngine(self.data, write_tiny_gguf(folder / "tiny.gguf"), **settings).wait(PATIENCE)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return what a call answers."""
        reply = requests.request(method, f"{self.engine.url}{path}", timeout=60, **options)
        assert reply.ok, reply.text
        return reply.json()

    def create(self) -> None:
        """Begin a job that trains for a while."""
        form = {"data": {"purpose": "fine-tune"}, "files": {"file": ("t.jsonl", LINE * ROWS)}}
        asked = {"model": "tiny", "training_file": self.call("POST", "/files", **form)["id"]}
        asked["hyperparameters"] = {"n_epochs": self.epochs, "batch_size": 1}
        self.jobs.append(self.call("POST", "/fine_tuning/jobs", json=asked)["id"])

    def ended(self, job_id: str) -> Any:
        """The job if it has ended."""
        job = self.call("GET", f"/fine_tuning/jobs/{job_id}")
        return job if job["status"] in ENDED else None

    def events(self, job_id: str, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest events of a job, newest first."""
        return list(self.call("GET", f"/fine_tuning/jobs/{job_id}/events?limit={limit}")["data"])

    def step(self) -> int:
        """The newest step that is told of the newest job."""
        return max(((event["data"] or {}).get("step", 0) for event in self.events(self.jobs[-1], 5)), default=0)

    def family(self) -> list[psutil.Process]:
        """Everything that the engine has started."""
        return list(psutil.Process(self.engine.process.pid).children(recursive=True))

    def training(self) -> list[psutil.Process]:
        """Who trains, and the keepers of its walls, if somebody does; a job that has ended is followed by another."""
        if not self.jobs or self.ended(self.jobs[-1]):
            self.create()
        return [one for one in self.family() if "engine.trainer" in command(one)]

    def trainers_at_random(self) -> list[psutil.Process]:
        """Wait for a random moment of a training, and return who trains."""
        while True:
            [keeper, *_], before = until(self.training, PATIENCE, PAUSE), self.step()
            amid = self.chance.random() < AMID_STEPS
            if amid:
                until(partial(self.is_past, before, keeper), PATIENCE, PAUSE)
            time.sleep(self.chance.uniform(0, 1 if amid else 5))
            if lives(keeper):
                return self.training()

    def is_past(self, step: int, trainer: psutil.Process) -> bool:
        """Whether the newest job is told to be behind `step`, or never will be by this trainer."""
        return self.step() > step or not lives(trainer)

    def kill_trainer(self) -> list[str]:
        """Kill the trainer, or the keeper of its walls; return what is left of them."""
        trainers = self.trainers_at_random()
        with contextlib.suppress(psutil.NoSuchProcess):  # its job may have ended just now
            trainers[next(self.victims)].kill()
        return left_of(trainers)

    def kill_engine(self) -> list[str]:
        """Kill the engine and start the next one; return what is left of the first once the second answers."""
        self.trainers_at_random()
        family = self.family()
        self.engine.kill()
        self.engine.start().wait(PATIENCE)
        return left_of(family)


def left_of(killed: Sequence[psutil.Process]) -> list[str]:
    """The commands of those that still live after five seconds."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while any(map(lives, killed)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [command(one) for one in killed if lives(one)]


def lives(process: psutil.Process) -> bool:
    """Whether a process has not ended; whether its parent has taken note of the end is nothing to us."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def redone(events: list[dict[str, Any]]) -> Iterator[int]:
    """How many steps each new start of the trainer went back, from a job's events, oldest first."""
    step = 0
    for event in events:
        data = event["data"] or {}
        if "resumed_from" in data:
            yield step - (data["resumed_from"] or 0)
        step = max(step, data.get("step", 0))


def without_model(jobs: Sequence[dict[str, Any]], models: Sequence[Record]) -> list[str]:
    """The jobs that succeeded and published nothing; all of them are named if none succeeded at all."""
    published = {one["job_id"] for one in models}
    succeeded = [job["id"] for job in jobs if job["status"] == "succeeded"]
    return [one for one in succeeded if one not in published] if succeeded else [job["id"] for job in jobs]


def look_at(driver: Driver) -> list[str]:
    """Wait until every job has ended, one more too that nobody kills; print what became of them, and return what is
    not as promised."""
    driver.create()
    jobs = [until(partial(driver.ended, job_id), PATIENCE, PAUSE) for job_id in driver.jobs]
    again = [steps for job in jobs for steps in redone(driver.events(job["id"])[::-1])]
    store = Store(driver.data / "engine.sqlite3")
    models = store.newest(MODELS, None)
    ends = collections.Counter(row["job_id"] for row in store.newest(WEBHOOK_EVENTS, None))
    store.close()
    other = [one["id"] for one in models if durable.sha256(driver.data / one["adapter"]) != one["sha256"]]
    for one in models:
        asked = {"model": one["id"], "messages": [{"role": "user", "content": "q"}], "max_tokens": 2}
        driver.call("POST", "/chat/completions", json=asked)
    not_once = [job["id"] for job in jobs if ends[job["id"]] != 1]
    unseen = without_model(jobs, models)
    told = dict(collections.Counter((job["error"] or {}).get("code") or job["status"] for job in jobs))
    print(f"jobs {len(jobs)}: {told}; not ended once: {not_once}; without a model: {unseen}")
    print(f"starts {len(again)}; steps trained again at most {max(again)} (a checkpoint comes every {ROWS})")
    print(f"adapters published {len(models)}, each of which answered; with another sha256: {other}")
    faults = [f"not ended once: {one}" for one in not_once] + [f"without a model: {one}" for one in unseen]
    faults += [f"of another sha256: {one}" for one in other]
    return faults + [f"{steps} steps trained again" for steps in again if steps > ROWS]


def kill_at_random(driver: Driver, kills: int) -> list[str]:
    """Kill so often trainers, then engines; return the orphans."""
    orphans, begun = list[str](), time.monotonic()
    for kill in (driver.kill_trainer, driver.kill_engine):
        for _ in range(kills):
            orphans += kill()
        print(f"{kill.__name__} {kills} times, {time.monotonic() - begun:.0f} s after the start", flush=True)
    return orphans


def measure(folder: Path, kills: int, seed: int, epochs: int = EPOCHS) -> list[str]:
    """Kill, then count; return what is not as promised."""
    driver = Driver(folder, random.Random(seed), epochs)
    try:
        orphans = kill_at_random(driver, kills)
        faults = look_at(driver)
    finally:
        driver.engine.end()
    print(f"left {ORPHAN_SECONDS:.0f} s after a kill: {orphans}")
    return faults + [f"left: {one}" for one in orphans]


def main() -> int:
    """Run it in a folder of its own."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        faults = measure(Path(folder), kills, seed)
    print(f"{time.monotonic() - begun:.0f} s in all; not as promised: {faults}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
