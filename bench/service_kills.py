"""`python -m bench.service_kills [KILLS] [SEED]`: kill -9 of the service and its engine, KILLS times, under load.

Four callers upload, create (each with a key, until it is answered) and retrieve; what they were told is compared with
what is there in the end. Prints figures, and ends with 1 if a promise was broken: a file or a job that was told and is
gone or another, a file that is there twice or was never sent, two jobs of one key, a database
that is not whole, a restart of more than two seconds.
"""

import contextlib
import hashlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

from services.creates import KEY
from tests.fakes.ports import until
from tests.fakes.service import Service
from tests.live_service import LiveService
from tests.tiny_models import write_tiny_gguf

CALLERS = 4
AMID_WORK = 3 / 4  # the other kills come while it starts
BETWEEN = 1.0  # seconds at most from then to the kill
RESTART = 2.0
PATIENCE = 120.0  # a machine may have other things to do
LINE = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "Hello"}]}\n'


class Doomed(LiveService):
    """A service that dies whole, engine and all; its jobs fail in their validation, for training is tried elsewhere."""

    output = subprocess.DEVNULL
    kill = Service.kill

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data", write_tiny_gguf(folder / "tiny.gguf"), MINIMUM_EXAMPLES="1000")


@dataclass
class Oracle:
    """What callers were told: a file's sha256 by its id, a job's id by its key; and what was wrong at once.

    `sent` has the sha256 of each file that was sent, once, whether it was answered or not.
    """

    sent: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def told(self) -> int:
        """How many files and jobs were told."""
        return len(self.files) + len(self.jobs)

    def has_more_than(self, told: int) -> bool:
        """Whether more were told."""
        return self.told > told


class Caller:
    """One of several that ask at once; `name` sets its keys and files apart."""

    def __init__(self, service: Doomed, oracle: Oracle, name: int, chance: random.Random) -> None:
        self.service, self.oracle, self.name, self.chance = service, oracle, name, chance
        self.count = 0

    def run(self) -> None:
        """Ask for one thing after another until it is over."""
        while not self.oracle.over.is_set():
            self.count += 1
            if not self.oracle.files or self.chance.random() < 0.4:
                self.upload()
            elif not self.oracle.jobs or self.chance.random() < 0.6:
                self.create()
            else:
                self.retrieve()

    def upload(self) -> None:
        """Upload a file of its own; without an answer it may be there or not."""
        content = (LINE % f"{self.name}-{self.count}" * self.chance.randint(1, 200)).encode()
        digest = hashlib.sha256(content).hexdigest()
        self.oracle.sent.add(digest)
        if told := self.ask("/upload_files", files={"files": ("a.jsonl", content)}):
            self.oracle.files[told[0]["response"]["id"]] = digest

    def create(self) -> None:
        """Create a job, with the same key until there is an answer."""
        key = f"key-{self.name}-{self.count}"
        body = {"training_file": self.chance.choice([*self.oracle.files])}
        while not self.oracle.over.is_set():
            if told := self.ask("/fine_tuning", json=body, headers={"Idempotency-Key": key}):
                self.oracle.jobs[key] = told["id"]
                return

    def retrieve(self) -> None:
        """Ask for a job that was told."""
        job_id = self.chance.choice([*self.oracle.jobs.values()])
        if (told := self.ask("/retrieve", json={"fine_tuning_job_id": job_id})) and told["id"] != job_id:
            self.oracle.wrong.append(f"asked for {job_id}, told of {told['id']}")

    def ask(self, path: str, **options: Any) -> Any:
        """Return what was told; nothing while the service is dead or not ready yet."""
        try:
            reply = requests.post(self.service.url + path, timeout=PATIENCE, **options)
        except requests.RequestException:
            time.sleep(0.05)
            return None
        told = reply.json()["response"]
        code = "" if reply.ok else str(told["code"])
        self.oracle.answers[f"{path} {reply.status_code} {code}"] += 1
        if reply.ok:
            return told
        if reply.status_code not in (409, 502, 503, 504):
            self.oracle.wrong.append(f"{path}: {reply.status_code} {told}")
        time.sleep(0.05)
        return None


def kill_often(service: Doomed, oracle: Oracle, kills: int, chance: random.Random) -> Iterator[float]:
    """Kill and start again; yield how long each start took until the service answered."""
    for _ in range(kills):
        if chance.random() < AMID_WORK:
            until(partial(oracle.has_more_than, oracle.told), PATIENCE)
        time.sleep(chance.uniform(0, BETWEEN))
        service.kill()
        service.start()
        Service.wait(service, PATIENCE)
        yield service.seconds_to_status


def compare(service: Doomed, oracle: Oracle) -> Iterator[str]:
    """Say what was told and is not so."""
    there = {file["id"]: digest_of(service, file["id"]) for file in listed(service, "/files")}
    for file_id, sha256 in oracle.files.items():
        if there.get(file_id) != sha256:
            yield f"{file_id}: told {sha256}, is {there.get(file_id)}"
    for sha256, count in Counter(there.values()).items():
        if count > 1 or sha256 not in oracle.sent:
            yield f"{sha256}: {count} files, sent {'once' if sha256 in oracle.sent else 'never'}"
    jobs = list(listed(service, "/jobs"))
    by_key = Counter(job["metadata"][KEY] for job in jobs)
    yield from (f"{key}: {count} jobs" for key, count in by_key.items() if count > 1)
    ids = {job["metadata"][KEY]: job["id"] for job in jobs}
    yield from (f"{key}: told {told}, is {ids.get(key)}" for key, told in oracle.jobs.items() if ids.get(key) != told)


def digest_of(service: Doomed, file_id: str) -> str:
    """The sha256 of what is got for a file."""
    reply = requests.get(f"{service.url}/files/{file_id}/content", timeout=PATIENCE)
    return hashlib.sha256(reply.content).hexdigest()


def listed(service: Doomed, path: str) -> Iterator[dict[str, Any]]:
    """All files, or all jobs, that there are."""
    more: dict[str, Any] = {"limit": 100}
    while True:
        page = service.call("GET", path, params=more)
        yield from page["data"]
        if not page["has_more"]:
            return
        more["after"] = page["data"][-1]["id"]


def integrity(database: Path) -> str:
    """What SQLite finds, `ok` if that is nothing."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def load_and_kill(service: Doomed, oracle: Oracle, kills: int, seed: int) -> list[float]:
    """Let callers ask while the service is killed so often; return the seconds that each start took."""
    callers = [Caller(service, oracle, name, random.Random(seed * CALLERS + name)) for name in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as pool:
        running = [pool.submit(caller.run) for caller in callers]
        try:
            starts = [*kill_often(service, oracle, kills, random.Random(seed))]
        finally:
            oracle.over.set()
    for one in running:
        one.result()
    return starts


def run(kills: int, seed: int) -> tuple[Oracle, list[float]]:
    """Load and kill, then compare; the oracle has what was wrong."""
    oracle = Oracle()
    with tempfile.TemporaryDirectory() as folder:
        service = Doomed(Path(folder)).wait(PATIENCE)
        try:
            starts = load_and_kill(service, oracle, kills, seed)
            service.wait(PATIENCE)
            oracle.wrong += compare(service, oracle)
        finally:
            service.end()
        if (found := integrity(Path(folder) / "data" / "engine.sqlite3")) != "ok":
            oracle.wrong.append(f"integrity_check: {found}")
    return oracle, starts


def main() -> int:
    """Kill, then count."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    oracle, starts = run(kills, seed)
    for word, count in sorted(oracle.answers.items()):
        print(f"{count:6d}  {word}")
    print("\n".join(oracle.wrong), end="\n" if oracle.wrong else "")
    slow = sum(seconds > RESTART for seconds in starts)
    print(f"{kills} kills; {len(oracle.files)} files and {len(oracle.jobs)} jobs told; wrong: {len(oracle.wrong)}")
    print(f"restarts: {sorted(starts)[len(starts) // 2]:.2f} s, slowest {max(starts):.2f} s, over {RESTART} s: {slow}")
    return bool(oracle.wrong or slow)


if __name__ == "__main__":
    sys.exit(main())
