"""Whether a call costs the same however much there is: 10 files, jobs and events against a million (short: 100,000).

Run `python -m bench.growth [--short]`. Two engines whose jobs stay as they are, each behind a service of its own, are
asked the same in turns. The rows are written by the engine's own store; bytes on disk have only the few that are read.
Bars: a page of lists and events in 20 ms, and no call above 1.25 times of what it takes with ten rows.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import servers
from bench.report import Report, Row, main, versions
from bench.servers import Server
from engine.store import EVENTS, FILES, JOBS, Store
from tests.engine.store.rows import a_file, a_job
from tests.fakes.bare_gguf import BARE
from tests.fakes.ports import free_port

KEY = "known-to-the-bench"
FEW, MANY, SHORT_MANY = 10, 1_000_000, 100_000
BATCH = 20_000
PAGE_MILLISECONDS, FLAT = 20.0, 1.25
MULTIPART = "multipart/form-data; boundary=b"
LINE = b'{"messages":[{"role":"user","content":"%d?"},{"role":"assistant","content":"Yes."}]}\n'


@dataclass(frozen=True)
class Call:
    """What is asked of the service; `many` rows there are, `turn` makes each call another one."""

    method: str
    path: Callable[[int], str]
    body: Callable[[int, int], bytes] = lambda _many, _turn: b""
    kind: str = "application/json"


def upload(_: int, turn: int) -> bytes:
    """A form with a file of a dozen lines."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jsonl"\r\n\r\n'
    return head + b"".join(LINE % (100 * turn + line) for line in range(12)) + b"\r\n--b--\r\n"


def retrieve(many: int, _: int) -> bytes:
    """The job in the middle."""
    return json.dumps({"fine_tuning_job_id": f"ftjob-{many // 2}"}).encode()


def lists(limit: int) -> dict[str, Call]:
    """Pages of so many rows."""
    return {
        "files, newest": Call("GET", lambda _: f"/files?limit={limit}"),
        "files, amidst": Call("GET", lambda many: f"/files?limit={limit}&after=file-{many // 2}"),
        "jobs, newest": Call("GET", lambda _: f"/jobs?limit={limit}"),
        "jobs, amidst": Call("GET", lambda many: f"/jobs?limit={limit}&after=ftjob-{many // 2}"),
        "events, newest": Call("GET", lambda _: f"/jobs/ftjob-1/events?limit={limit}"),
        "events, amidst": Call("GET", lambda many: f"/jobs/ftjob-1/events?limit={limit}&after=event-{many // 2}"),
    }


PAGES, FIVES = lists(20), lists(5)  # a page as it is without a limit; as many as there are amidst ten
CALLS = {
    **{f"page of {name}": call for name, call in PAGES.items()},
    **{f"five {name}": call for name, call in FIVES.items()},
    "one file": Call("GET", lambda many: f"/files/file-{many // 2 - 1}"),
    "retrieve": Call("POST", lambda _: "/retrieve", retrieve),
    "upload": Call("POST", lambda _: "/upload_files", upload, MULTIPART),
}


def fill(path: Path, many: int) -> None:
    """Write so many files, jobs, and events of the first job."""
    store = Store(path)
    settings = {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1.0}
    ended: dict[str, Any] = {
        "hyperparameters": settings,
        "status": "succeeded",
        "finished_at": 2,
        "trained_tokens": 1,
        "fine_tuned_model": "ft:m",
    }
    for first in range(0, many, BATCH):
        batch = range(first, min(first + BATCH, many))
        store.insert(
            {
                FILES: [a_file(number) for number in batch],
                JOBS: [a_job(f"ftjob-{number}", **ended) for number in batch],
                EVENTS: [event(number) for number in batch],
            }
        )
    store.close()


def event(number: int) -> dict[str, Any]:
    """A step of the first job."""
    said = {"level": "info", "message": f"Step {number}", "type": "metrics", "step": number, "created_at": 2}
    return {"id": f"event-{number}", "job_id": "ftjob-1", "data": {"step": number, "train_loss": 1.5}, **said}


@contextmanager
def filled(many: int) -> Iterator[tuple[Server, Server]]:
    """An engine with so many rows, and the service before it."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        (folder / "base.gguf").write_bytes(BARE)
        fill(folder / "engine.sqlite3", many)
        settings = {"ENGINE_PORT": str(port), "DATA_DIR": name, "ENGINE_API_KEY": KEY, "LOG_LEVEL": "ERROR"}
        settings["BASE_MODEL"] = str(folder / "base.gguf")
        command = (sys.executable, "-m", "tests.fakes.held_engine")
        engine = stack.enter_context(servers.started("engine", command, port, "/v1/models", settings))
        url = f"http://127.0.0.1:{port}/v1"
        yield stack.enter_context(servers.ours(url, OPENAI_API_KEY=KEY, DEFAULT_MODEL="base")), engine


def ask(server: Server, call: Call, many: int, turn: int) -> float:
    """Make a call; return its milliseconds."""
    return 1e3 * server.ask(call.method, call.path(many), call.body(many, turn), {"Content-Type": call.kind})


def measure(short: bool) -> Report:
    """Ask both in turns."""
    many, rounds = (SHORT_MANY, 15) if short else (MANY, 51)
    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    with filled(FEW) as (small, _), filled(many) as (large, _):
        for turn in range(rounds + 2):
            for name, call in CALLS.items():
                took[name, FEW].append(ask(small, call, FEW, turn))
                took[name, many].append(ask(large, call, many, turn))
    rows = []
    for name in CALLS:
        few, lots = (median(took[name, size][2:]) for size in (FEW, many))
        claim, beside = f"{name}, of {many:,}", f"ours, of {FEW}"
        if name.startswith("page"):
            rows.append(Row(claim, lots, "ms", at_most=PAGE_MILLISECONDS))
        else:
            rows.append(Row(claim, lots, "ms", beside, few, at_most=FLAT))
    how = f"Through both servers on SQLite, {rounds} calls each, in turns, medians; a page has 20 rows."
    return Report("Growth", how, rows, versions("flask", "granian", "sqlalchemy"))


if __name__ == "__main__":
    main(measure)
