"""`python -m bench.soak [MINUTES] [SEED]`: twenty mixed calls a second for MINUTES; does anything grow?

Memory, open files and threads of each process of the service and the engine are looked at every second. After a
warm-up, a quarter of the time, memory may rise by 5 % (a line is fitted), open files by 3 and threads not at all
(medians of the first and the last quarter that follow); the log of the database may never reach 64 MB. Ends with 1
otherwise, or if a call failed or was not made, or a server was not looked at half as often.
"""

import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.live_service import LiveService, command
from tests.tiny_models import write_tiny_gguf

A_SECOND = 20
CALLERS = 16
MINUTES = 8.0
WARM_UP = 0.25
MOST_LOG = 64 * 1024**2
SERVERS = ("app.py", "engine serve")
PATIENCE = 120.0
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"answer"}]}\n'


@dataclass(frozen=True)
class Bars:
    """What a process may grow by: a part of its memory, open files, threads."""

    rise: float = 0.05
    files: int = 3
    threads: int = 0


@dataclass(frozen=True)
class Sample:
    """One look at one process: seconds since the start, bytes, open files, threads."""

    at: float
    memory: int
    files: int
    threads: int


class Load:
    """Callers who take turns, each at its time; what was answered is counted."""

    def __init__(self, service: LiveService, chance: random.Random) -> None:
        self._service = service
        self._chance = chance
        self.answers: Counter[str] = Counter()
        [sent] = service.call("POST", "/upload_files", files={"files": ("t.jsonl", LINE * 10)})
        self._job = service.call("POST", "/fine_tuning", json={"training_file": sent["response"]["id"]})["id"]
        service.call("POST", f"/jobs/{self._job}/cancel")
        self._ways: dict[Callable[[requests.Session], requests.Response], int] = {
            self._status: 6,
            self._retrieve: 4,
            self._list: 2,
            self._upload: 3,
            self._chat: 3,
            self._stream: 2,
        }

    def run(self, seconds: float) -> None:
        """Make A_SECOND calls a second, whatever the answers take."""
        calls = [self._chance.choices([*self._ways], [*self._ways.values()])[0] for _ in range(int(seconds * A_SECOND))]
        begun, lock, place = time.monotonic(), threading.Lock(), iter(range(len(calls)))

        def call() -> None:
            with requests.Session() as session:
                while True:
                    with lock:
                        mine = next(place, None)
                    if mine is None:
                        return
                    time.sleep(max(0.0, begun + mine / A_SECOND - time.monotonic()))
                    self._count(calls[mine], session)

        callers = [threading.Thread(target=call) for _ in range(CALLERS)]
        for one in callers:
            one.start()
        for one in callers:
            one.join()

    def failed(self, seconds: float) -> list[str]:
        """Say what was answered wrongly, and how many calls were not made at all."""
        missing = int(seconds * A_SECOND) - self.answers.total()
        wrong = [f"{count} times {answer}" for answer, count in self.answers.items() if " " in answer]
        return wrong + ([f"{missing} calls were not made"] if missing else [])

    def _count(self, way: Callable[[requests.Session], requests.Response], session: requests.Session) -> None:
        try:
            answer = way(session)
            good = answer.ok and b'data: {"error"' not in answer.content
            failed = "" if good else f" {answer.status_code} {answer.text[:99]}"
        except requests.RequestException as error:
            failed = f" {type(error).__name__}"
        self.answers[way.__name__.strip("_") + failed] += 1

    def _status(self, session: requests.Session) -> requests.Response:
        return session.get(f"{self._service.url}/status", timeout=PATIENCE)

    def _retrieve(self, session: requests.Session) -> requests.Response:
        return self._post(session, "/retrieve", json={"fine_tuning_job_id": self._job})

    def _list(self, session: requests.Session) -> requests.Response:
        return session.get(f"{self._service.url}/jobs", timeout=PATIENCE)

    def _upload(self, session: requests.Session) -> requests.Response:
        return self._post(
            session, "/upload_files", files={"files": ("s.jsonl", LINE * self._chance.randrange(1, 5000))}
        )

    def _chat(self, session: requests.Session) -> requests.Response:
        return self._post(session, "/chat", json={"text": "hello", "max_tokens": 8})

    def _stream(self, session: requests.Session) -> requests.Response:
        return self._post(session, "/chat", json={"text": "hello", "max_tokens": 8, "stream": True})

    def _post(self, session: requests.Session, path: str, **body: Any) -> requests.Response:
        return session.post(f"{self._service.url}{path}", timeout=PATIENCE, **body)


class Watch:
    """Looks at the servers' own processes once a second; model servers come and go and are not among them."""

    def __init__(self, service: LiveService, data: Path) -> None:
        self._begun = time.monotonic()
        self._data = data
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.log_bytes = 0
        named = {f"{one.pid} {_name(one)}": one for one in service.family()}
        self._processes = {name: one for name, one in named.items() if not name.endswith("other")}

    def run(self, over: threading.Event) -> None:
        """Look until it is over."""
        while not over.wait(1):
            at = time.monotonic() - self._begun
            for name, one in self._processes.items():
                with one.oneshot():
                    seen = Sample(at, one.memory_info().rss, one.num_fds(), one.num_threads())
                self.samples[name].append(seen)
            for log in self._data.glob("*-wal"):
                self.log_bytes = max(self.log_bytes, log.stat().st_size)

    def unseen(self, seconds: float) -> list[str]:
        """Say which of the servers was not looked at every other second at least, of so many."""
        looks = {server: [len(seen) for name, seen in self.samples.items() if server in name] for server in SERVERS}
        enough = max(2, int(seconds / 2))
        return [
            f"{server} was looked at {min(seen, default=0)} times in {seconds:.0f} s"
            for server, seen in looks.items()
            if min(seen, default=0) < enough
        ]

    def grown(self, bars: Bars) -> list[str]:
        """Print what was seen of each process, and return what grew beyond the bars."""
        found = [f"the database's log had {self.log_bytes} bytes"] if self.log_bytes >= MOST_LOG else []
        for name, samples in self.samples.items():
            steady = samples[int(len(samples) * WARM_UP) :]
            rise, quarter = _rise(steady), max(1, len(steady) // 4)
            files, threads = (
                statistics.median(getattr(one, what) for one in steady[-quarter:])
                - statistics.median(getattr(one, what) for one in steady[:quarter])
                for what in ("files", "threads")
            )
            last = steady[-1]
            print(
                f"{name}: {last.memory / 1e6:.1f} MB, {rise:+.1%}; {last.files} files, {files:+g}; "
                f"{last.threads} threads, {threads:+g} ({min(one.threads for one in steady)} to "
                f"{max(one.threads for one in steady)})"
            )
            if rise >= bars.rise or abs(files) > bars.files or threads > bars.threads:
                found.append(f"{name} grew: {rise:+.1%}, {files:+g} files, {threads:+g} threads")
        return found


def _name(process: psutil.Process) -> str:
    line = command(process)
    return next((words for words in SERVERS if words in line), "other")


def _rise(samples: list[Sample]) -> float:
    """By what part of itself memory grew over all samples, by the line that fits them best."""
    slope, start = statistics.linear_regression([one.at for one in samples], [one.memory for one in samples])
    first, last = samples[0].at, samples[-1].at
    return slope * (last - first) / (start + slope * first)


def measure(minutes: float, seed: int, bars: Bars) -> list[str]:
    """Call and watch; print what was seen, and return the faults."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        model = write_tiny_gguf(Path(folder) / "tiny.gguf")
        service = LiveService(data, model, LOG_LEVEL="ERROR").wait(PATIENCE)
        try:
            load, over = Load(service, random.Random(seed)), threading.Event()
            service.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
            watch = Watch(service, data)
            watching = threading.Thread(target=watch.run, args=(over,))
            watching.start()
            load.run(minutes * 60)
            over.set()
            watching.join()
        finally:
            service.end()
    print(f"calls: {dict(load.answers)}; the database's log at most {watch.log_bytes / 1e6:.2f} MB")
    if unseen := watch.unseen(minutes * 60):
        return unseen
    return watch.grown(bars) + load.failed(minutes * 60)


def main() -> int:
    """Soak and print."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {minutes:g} minutes", flush=True)
    faults = measure(minutes, seed, Bars())
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
