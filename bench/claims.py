"""`python -m bench.claims [DATABASE_URL] [--jobs N] [--stops N] [--seed N]`: 6 claimers, 1,000 jobs; 50 workers stop.

While they claim, two callers create, read, list and cancel jobs of an engine on the same database, over HTTP. Prints
double claims, lost jobs, claimers and calls that failed (a locked database would be such a failure), and what workers
that were stopped past their lease wrote under an old token. All of these must be 0, else it ends with 1. It empties no
database: give it a new one.
"""

import argparse
import collections
import logging
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from werkzeug.serving import make_server

from engine.jobs import AUTO
from engine.leases import Leases
from engine.store import JOBS, Claim, Store
from tests.engine.hollow import LINE, hollow_engine
from tests.engine.store.rows import a_job
from tests.fakes.ports import until

ROOT = Path(__file__).parents[1]
CLAIMERS, JOBS_TO_CLAIM, STOPS = 6, 1000, 50
CALLERS = 2
LEASE = 0.3  # seconds
PATIENCE = 120.0  # seconds of a call; the engine itself waits sixty for a lock


@dataclass
class Tally:
    """What must be 0, by its name, and what the callers met: answers, the slowest in seconds, failures in words."""

    bars: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """The bars that were missed."""
        return [name for name, count in self.bars.items() if count]


def claimer(database: str, *words: str) -> "subprocess.Popen[str]":
    """Start one worker of `tests/engine/store/claimer.py`."""
    command = [sys.executable, "-m", "tests.engine.store.claimer", database, *words]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def listening(app: Flask) -> Iterator[str]:
    """Serve the engine on a port of this machine; its worker takes no turns, so that it claims nothing."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.port}/v1"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def call(url: str, over: threading.Event, tally: Tally) -> None:
    """Create, read, list and cancel a job, again and again until it is over."""

    def answer(method: str, path: str, **options: Any) -> str:
        began = time.monotonic()
        reply = session.request(method, url + path, timeout=PATIENCE, **options)
        reply.raise_for_status()
        tally.answers += 1
        tally.slowest = max(tally.slowest, time.monotonic() - began)
        return str(reply.json().get("id"))

    jobs = "/fine_tuning/jobs"
    with requests.Session() as session:
        while not over.is_set():
            try:
                file = answer("POST", "/files", data={"purpose": "fine-tune"}, files={"file": ("t.jsonl", LINE)})
                job = answer("POST", jobs, json={"model": "base", "training_file": file})
                answer("GET", f"{jobs}/{job}")
                answer("GET", jobs)
                answer("POST", f"{jobs}/{job}/cancel")
            except requests.RequestException as failure:
                said = "" if failure.response is None else failure.response.text
                tally.failures.append(f"{failure} {said}")


@contextmanager
def calling(url: str, tally: Tally) -> Iterator[None]:
    """Have callers at work while the block runs."""
    over = threading.Event()
    callers = [threading.Thread(target=call, args=(url, over, tally)) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        over.set()
        for caller in callers:
            caller.join()


def claim(store: Store, database: str, url: str, claimers: int, jobs: int) -> Tally:
    """R8: nobody claims what another has, nobody meets a locked database."""
    store.insert({JOBS: [a_job(f"ftjob-{number}", hyperparameters=AUTO) for number in range(jobs)]})
    begun, tally = time.monotonic(), Tally()
    with calling(url, tally):
        workers = [claimer(database, f"worker-{number}") for number in range(claimers)]
        claimed = collections.Counter(line for worker in workers for line in worker.communicate()[0].splitlines())
    print(f"claimers {claimers}, jobs {jobs}, seconds {time.monotonic() - begun:.1f}")
    print(f"answers to {CALLERS} callers meanwhile {tally.answers}, the slowest after {tally.slowest:.2f} s")
    tally.bars["double claims"] = sum(claimed.values()) - len({line.split()[0] for line in claimed})
    tally.bars["jobs lost"] = jobs - len({line.split()[0] for line in claimed})
    tally.bars["claimers that failed"] = sum(worker.returncode != 0 for worker in workers)
    tally.bars["calls that failed"] = len(tally.failures)
    return tally


def stop(store: Store, database: str, folder: Path, chance: random.Random, stops: int) -> dict[str, int]:
    """R7: whoever was stopped past its lease, after some writes, while its job was claimed anew writes nothing more."""
    answers, leases = collections.Counter[str](), Leases(folder, LEASE)

    def claim_from(owner: str) -> Claim | None:
        dead = [one for one in leases.dead(store.held()) if one.owner == owner]
        return store.claim(leases.owner, ("running",), dead)

    for number in range(stops):
        owner = f"stopped-{number}"
        store.insert({JOBS: [a_job(owner)]})
        stale = claimer(database, owner, "stale")
        assert stale.stdin is not None
        assert stale.stdout is not None
        stale.stdout.readline()
        for _ in range(chance.randrange(4)):
            stale.stdin.write("\n")
            stale.stdin.flush()
            answers["before"] += stale.stdout.readline() == "taken\n"
        stale.send_signal(signal.SIGSTOP)
        newer = until(partial(claim_from, owner))
        assert newer.job_id == owner
        time.sleep(chance.uniform(0, LEASE))
        stale.send_signal(signal.SIGCONT)
        answers.update(stale.communicate("\n")[0].split())
        assert newer.move("cancelled", {"running"}, {}, finished_at=1)
    print(f"workers stopped past their lease {stops}, after {answers['before']} writes that were taken")
    return {"writes under an old token": answers["taken"], "refusals missing": stops - answers["refused"]}


def drive(folder: Path, database_url: str, claimers: int, jobs: int, stops: int, seed: int) -> Tally:
    """Do both on one database, SQLite in `folder` without a URL; return what was counted."""
    app = hollow_engine(folder, database_url=database_url)
    store: Store = app.extensions["engine"].store
    database = database_url or str(folder / "data" / "engine.sqlite3")
    try:
        with listening(app) as url:
            tally = claim(store, database, url, claimers, jobs)
        tally.bars |= stop(store, database, folder / "workers", random.Random(seed), stops)
    finally:
        store.close()
    return tally


def main() -> int:
    """Print what was counted; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", default="")
    parser.add_argument("--jobs", type=int, default=JOBS_TO_CLAIM)
    parser.add_argument("--stops", type=int, default=STOPS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        tally = drive(Path(folder), asked.database, CLAIMERS, asked.jobs, asked.stops, asked.seed)
    print(", ".join(f"{name} {count}" for name, count in tally.bars.items()))
    print("\n".join(tally.failures[:5]), end="")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
