"""`python -m bench.backups [--rounds N] [--seed N]`: backups of an engine that is written to meanwhile, each restored.

Somebody uploads files of random sizes, creates jobs and deletes files as fast as the engine lets him. After each
backup, made at a random moment, an engine starts on what was restored, and every file that it lists must be there,
byte for byte, and every job's training file. There is no baseline: the bar is 0 faults.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from flask import Flask

from engine import backup
from engine.store import FILES, JOBS, Store
from tests.engine.hollow import LINE, hollow_engine, upload
from tests.fakes.ports import until


@dataclass
class Tally:
    """What the rounds came to; `refused` are calls of the load that failed, `faults` what a restored engine lacks."""

    jobs: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def write(app: Flask, over: threading.Event, chance: random.Random, refused: list[str]) -> None:
    """Upload, create and delete until it is over."""
    client = app.test_client()
    while not over.is_set():
        kept, gone = upload(client, LINE * chance.randint(1, 200)), upload(client)
        asked = {"model": "base", "training_file": kept}
        replies = [client.post("/v1/fine_tuning/jobs", json=asked), client.delete(f"/v1/files/{gone}")]
        refused += [reply.text for reply in replies if reply.status_code != 200]


@contextmanager
def load(app: Flask, seed: int, refused: list[str]) -> Iterator[None]:
    """Have somebody write while the block runs."""
    over = threading.Event()
    writer = threading.Thread(target=write, args=(app, over, random.Random(seed), refused))
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def look_at(folder: Path, source: Path, tally: Tally) -> None:
    """Restore a backup, and note what of it is missing or not what it was."""
    name = f"restored-{source.name}"
    backup.restore(source, folder / name)
    app = hollow_engine(folder, name)
    store: Store = app.extensions["engine"].store
    rows, jobs, client = store.newest(FILES, None), store.newest(JOBS, None), app.test_client()
    for row in rows:
        reply = client.get(f"/v1/files/{row['id']}/content")
        if (reply.status_code, hashlib.sha256(reply.data).hexdigest()) != (200, row["sha256"]):
            tally.faults.append(f"{source.name}: {row['id']}")
    for job in jobs:
        if not (folder / name / "jobs" / job["id"] / "training_file.jsonl").is_file():
            tally.faults.append(f"{source.name}: {job['id']}")
    tally.jobs.append(len(jobs))
    tally.files.append(len(rows))
    store.close()


def has_more_jobs(store: Store, than: int) -> bool:
    """Whether the load has gone on."""
    return len(store.newest(JOBS, None)) > than


def drive(folder: Path, rounds: int, seed: int) -> Tally:
    """Make that many backups under load, look at each, and return what was found."""
    tally, chance = Tally(), random.Random(seed)
    app = hollow_engine(folder)
    store: Store = app.extensions["engine"].store
    sources = [folder / f"backup-{number}" for number in range(rounds)]
    with load(app, seed, tally.refused):
        for source in sources:
            until(partial(has_more_jobs, store, len(store.newest(JOBS, None)) + 1), 60)
            time.sleep(chance.uniform(0, 0.2))
            backup.back_up(store, folder / "data", source)
    store.close()
    for source in sources:
        look_at(folder, source, tally)
    return tally


def main() -> int:
    """Print what the rounds came to; 1 if anything was missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = drive(Path(folder), asked.rounds, asked.seed)
    print(f"seed {asked.seed}: {asked.rounds} backups under load, each restored, {time.monotonic() - began:.0f} s")
    print(f"jobs in each {tally.jobs}, files {tally.files}")
    print(f"calls refused to the load {len(tally.refused)}, files and jobs not as they were: {tally.faults}")
    return 1 if tally.faults or tally.refused else 0


if __name__ == "__main__":
    sys.exit(main())
