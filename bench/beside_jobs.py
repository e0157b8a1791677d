"""The engine's calls beside a training and beside trainers that die of memory; bar: p99 at most 3 times that of no job.

Run `python -m bench.beside_jobs [ROUNDS] [SECONDS]`. One caller asks the same calls in three ways, in turns: with no
job, beside a job that trains, and beside one whose batch does not fit, from its start to its end. The memory really is
out: of each trainer's address space so little is left when it opens its rows (RLIMIT_AS) that a step on one row fits,
and one on all rows does not. Ends with 1 if a call failed or missed the bar, if a job ended as anything but
`out_of_memory`, if it was tried again, if something of it can be seen or is on disk, or if a trainer is left.
"""

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
from openai import OpenAI

from bench.kills import ENDED, PATIENCE, PAUSE, lives
from tests.fakes.ports import until
from tests.live_engine import LiveEngine
from tests.live_service import command
from tests.tiny_models import write_tiny_gguf

TIMES = 3.0
ROWS = 200  # a step on all of them takes 577 MB beside the model, and one on a row 4
LEFT = 256 * 1024**2
THINKS = 0.03  # seconds before each call: a caller who never thinks leaves a trainer of the lowest priority no core
# In the trainer: its own limit, once all its libraries are loaded and nothing else has begun.
SITECUSTOMIZE = """
import sys

def leave_little(event, asked):
    global open_yet
    if event == "open" and not open_yet and str(asked[0]).endswith("training_file.jsonl"):
        open_yet = True
        held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + {left},) * 2)

if "engine.trainer" in sys.orig_argv:
    import resource
    open_yet = False
    sys.addaudithook(leave_little)
"""
QUESTION = {"model": "tiny", "messages": [{"role": "user", "content": "q"}], "max_tokens": 1}


CALLS: dict[str, tuple[str, str, str | None, bytes]] = {
    "list models": ("GET", "/v1/models", None, b'"tiny"'),
    "list files": ("GET", "/v1/files?limit=5", None, b'"fine-tune"'),
    "list jobs": ("GET", "/v1/fine_tuning/jobs?limit=5", None, b'"list"'),
    "chat": ("POST", "/v1/chat/completions", json.dumps(QUESTION), b'"chat.completion"'),
}
NO_JOB, DYING, TRAINING = "no job", "dying trainer", "training"
Over = Callable[[], Any]


@dataclass
class Tally:
    """Seconds of the right answers by way and call, how many were wrong, how jobs died, and what is left of them."""

    took: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    wrong: int = 0
    died: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def p99(self, way: str, name: str) -> float:
        """The seconds within which all but one in a hundred answers came."""
        return quantiles(self.took[way, name], n=100)[98]

    def slowed(self, way: str, name: str) -> float:
        """How many times as long as with no job."""
        return self.p99(way, name) / self.p99(NO_JOB, name)


class Driver:
    """An engine whose trainers have little memory, and who asks it."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.data, self.seconds, self.tally = folder / "data", seconds, Tally()
        limited = folder / "limited"
        limited.mkdir()
        (limited / "sitecustomize.py").write_text(SITECUSTOMIZE.format(left=LEFT))
        settings = {"LOG_LEVEL": "ERROR", "DATABASE_URL": "", "PYTHONPATH": str(limited)}
        self.engine = LiveEngine(self.data, write_tiny_gguf(folder / "tiny.gguf"), **settings).wait(PATIENCE)
        self.client = OpenAI(api_key="unused", base_url=self.engine.url)
        row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "So. " * 80}]}
        lines = (json.dumps(row) + "\n").encode() * ROWS
        self.rows = self.client.files.create(file=("t.jsonl", lines), purpose="fine-tune").id
        self.ask(NO_JOB, lambda: True)  # the first chat waits until its model is there
        self.tally.took.clear()

    def trainers(self) -> list[psutil.Process]:
        """Who trains, and the keepers of its walls."""
        family = psutil.Process(self.engine.process.pid).children(recursive=True)
        return [one for one in family if "engine.trainer" in command(one)]

    def create(self, batch_size: int) -> str:
        """Begin a job; return its id once somebody trains it."""
        settings: Any = {"n_epochs": 50, "batch_size": batch_size}
        job = self.client.fine_tuning.jobs.create(model="tiny", training_file=self.rows, hyperparameters=settings)
        until(self.trainers, PATIENCE, PAUSE)
        return job.id

    def events(self, job_id: str) -> list[Any]:
        """The newest events of a job."""
        return self.client.fine_tuning.jobs.list_events(job_id, limit=100).data

    @contextmanager
    def no_job(self) -> Iterator[Over]:
        """Nothing trains."""
        until(lambda: not self.trainers(), PATIENCE, PAUSE)
        yield self._after_a_while()

    @contextmanager
    def training(self) -> Iterator[Over]:
        """A job is amid its steps, all the while."""
        job_id = self.create(batch_size=1)
        until(lambda: any(one.type == "metrics" for one in self.events(job_id)), PATIENCE, PAUSE)
        yield self._after_a_while()
        if (job := self.client.fine_tuning.jobs.retrieve(job_id)).status != "running":
            self.tally.faults.append(f"{job_id} did not go on training: {job.status}, {job.error}")
        self.client.fine_tuning.jobs.cancel(job_id)

    @contextmanager
    def dying(self) -> Iterator[Over]:
        """A trainer starts, runs out of memory, and is gone."""
        job_id = self.create(batch_size=ROWS)
        yield lambda: self.client.fine_tuning.jobs.retrieve(job_id).status in ENDED
        until(lambda: not self.trainers(), PATIENCE, PAUSE)
        job = self.client.fine_tuning.jobs.retrieve(job_id)
        self.tally.died.append(job.error.code if job.error else job.status)
        self.tally.faults += self.left_of(job)

    def _after_a_while(self) -> Over:
        end = time.monotonic() + self.seconds
        return lambda: time.monotonic() > end

    def left_of(self, job: Any) -> Iterator[str]:
        """What there should not be of a job that died."""
        yield from (f"told: {one.message}" for one in self.events(job.id) if one.level == "warn")
        yield from (f"model: {one.id}" for one in self.client.models.list() if one.id.startswith("ft:"))
        yield from (f"published: {one}" for one in (job.fine_tuned_model, *job.result_files) if one)
        folder = self.data / "jobs" / job.id
        yield from (f"on disk: {one}" for one in (*folder.glob("adapter*"), *folder.glob("checkpoints/*")))

    def ask(self, way: str, over: Over) -> None:
        """Ask each call in turn until it is over, and once at least."""
        caller = http.client.HTTPConnection("127.0.0.1", self.engine.port, timeout=60)
        while True:
            for name, (method, path, body, expected) in CALLS.items():
                time.sleep(THINKS)
                began = time.perf_counter()
                caller.request(method, path, body, {"Content-Type": "application/json"})
                reply = caller.getresponse()
                right = expected in reply.read() and reply.status == http.HTTPStatus.OK
                took = self.tally.took.setdefault((way, name), [])
                took += [time.perf_counter() - began] if right else []
                self.tally.wrong += not right
            if over():
                return caller.close()


def drive(folder: Path, rounds: int, seconds: float) -> Tally:
    """Ask in all ways so often, in `folder`; a way lasts for so long, or until the job has died."""
    driver = Driver(folder, seconds)
    ways = {NO_JOB: driver.no_job, DYING: driver.dying, TRAINING: driver.training}
    try:
        for way, during in [*ways.items()] * rounds:
            with during() as over:
                driver.ask(way, over)
        family = psutil.Process(driver.engine.process.pid).children(recursive=True)
    finally:
        driver.engine.end()
    driver.tally.faults += [f"left: {one}" for one in family if lives(one)]
    return driver.tally


def main() -> int:
    """Print a row a call; 1 if a promise was broken."""
    rounds, seconds = (float(given) for given in (sys.argv[1:] + ["3", "20"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as folder:
        tally = drive(Path(folder), round(rounds), seconds)
    print(f"{'':14}{'':16}{'answers':>8}{'p50 ms':>8}{'p99 ms':>8}{'p99 by that of no job':>24}")
    missed = 0
    for (way, name), took in tally.took.items():
        slowed = tally.slowed(way, name)
        missed += slowed > TIMES
        figures = (1e3 * quantiles(took, n=2)[0], 1e3 * tally.p99(way, name), slowed)
        print(f"{way:14}{name:16}{len(took):8}{figures[0]:8.1f}{figures[1]:8.1f}{figures[2]:24.2f}")
    print(f"wrong answers {tally.wrong}; over {TIMES:.0f} times: {missed}; died: {tally.died}; left: {tally.faults}")
    return 1 if tally.wrong or missed or tally.faults or {*tally.died} != {"out_of_memory"} else 0


if __name__ == "__main__":
    sys.exit(main())
