"""`python -m bench.durability [UPLOADS]`: is on disk what is acknowledged? The engine's system calls, seen by strace.

For each upload: its bytes are written, then fsync of the file, its new name, fsync of the folder, fsync of the
database, and only then the answer with its id; for each job: fsync of the database after its row was last written, then
the answer. Ends with 1 if an order is another; without strace, which Debian has, it says so and ends with 0.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.fakes.ports import until
from tests.live_engine import LiveEngine
from tests.live_service import command
from tests.tiny_models import write_tiny_gguf

PATIENCE = 120.0
SEEN = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,unlink,unlinkat"
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"answer"}]}\n'
_CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(?P<name>\w+)(?P<rest>.*)$")
_UNFINISHED = re.compile(r"^(?P<thread>\d+) +(?P<begun>.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")
_WRITES = ("write", "pwrite64", "writev")
_SYNCS = ("fsync", "fdatasync")
_SENDS = ("write", "writev", "sendto", "sendmsg")


@dataclass(frozen=True)
class Call:
    """One system call, in the order of their ends; `text` is all that strace says of it."""

    name: str
    text: str

    def syncs(self, path: str) -> bool:
        """Whether it forces the file or folder that ends with `path` to disk."""
        return self.name in _SYNCS and f"{path}>" in self.text and self.text.endswith("= 0")

    def answers(self, thing: str) -> bool:
        """Whether it sends an id to a client; the head of an answer may be sent before."""
        return self.name in _SENDS and "TCP:" in self.text and thing in self.text


def calls_in(trace: Path) -> Iterator[Call]:
    """Yield the calls of a trace; one that another thread's interrupts is put together again."""
    begun: dict[str, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if unfinished := _UNFINISHED.match(line):
            begun[unfinished["thread"]] = unfinished["begun"]
            continue
        if resumed := _RESUMED.match(line):
            line = f"{resumed['thread']} {begun.pop(resumed['thread'], '')}{resumed['rest']}"
        if found := _CALL.match(line):
            yield Call(found["name"], found["rest"])


def fault_of_upload(calls: list[Call], file_id: str) -> str:
    """Return which step of an upload is missing or comes too early; empty if none does."""
    steps: list[tuple[str, Callable[[Call], bool]]] = [
        ("write", lambda call: call.name in _WRITES and f"files/{file_id}.part>" in call.text),
        ("fsync of the file", lambda call: call.syncs(f"files/{file_id}.part")),
        ("rename", lambda call: call.name.startswith("rename") and f'files/{file_id}"' in call.text),
        ("fsync of the folder", lambda call: call.syncs("/files")),
        ("fsync of the database", lambda call: call.syncs("engine.sqlite3") or call.syncs("engine.sqlite3-wal")),
    ]
    answer = next((place for place, call in enumerate(calls) if call.answers(file_id)), None)
    if answer is None:
        return "no answer was seen"
    at = 0
    for name, is_step in steps:
        found = next((place for place in range(at, answer) if is_step(calls[place])), None)
        if found is None:
            return f"{name} is not where it belongs before the answer"
        at = found
    return ""


def fault_of_job(calls: list[Call], job_id: str) -> str:
    """Return what is wrong about the answer to a new job: nothing, or that the database was not on disk."""
    answer = next((place for place, call in enumerate(calls) if call.answers(job_id)), None)
    if answer is None:
        return "no answer was seen"
    written = (place for place in range(answer) if _writes_row(calls[place], job_id))
    last = max(written, default=None)
    if last is None:
        return "its row was not written before the answer"
    synced = any(call.syncs("engine.sqlite3") or call.syncs("engine.sqlite3-wal") for call in calls[last:answer])
    return "" if synced else "the database was not forced to disk before the answer"


def _writes_row(call: Call, thing: str) -> bool:
    return call.name in _WRITES and re.search(r"engine\.sqlite3(-wal)?>", call.text) is not None and thing in call.text


def trace(folder: Path, uploads: int) -> tuple[list[str], list[str], list[Call]]:
    """Upload and create under strace; return the ids of files and jobs, and the serving process's calls."""
    engine = LiveEngine(folder / "data", write_tiny_gguf(folder / "tiny.gguf"), LOG_LEVEL="ERROR").wait(PATIENCE)
    log = folder / "trace"
    try:
        main = psutil.Process(engine.process.pid)
        serving = next(one for one in main.children() if "engine" in command(one))
        strace = ["strace", "-f", "-y", "-yy", "-s", "8192", "-e", f"trace={SEEN}", "-o", str(log)]
        tracer = psutil.Popen([*strace, "-p", str(serving.pid)], stderr=-3)
        until(log.exists, PATIENCE)
        time.sleep(1)
        files, jobs = [], []
        for number in range(uploads):
            form: dict[str, Any] = {
                "data": {"purpose": "fine-tune"},
                "files": {"file": ("t.jsonl", LINE * (number + 1))},
            }
            files.append(requests.post(f"{engine.url}/files", timeout=PATIENCE, **form).json()["id"])
            asked = {"model": "tiny", "training_file": files[-1]}
            job = requests.post(f"{engine.url}/fine_tuning/jobs", timeout=PATIENCE, json=asked).json()["id"]
            requests.post(f"{engine.url}/fine_tuning/jobs/{job}/cancel", timeout=PATIENCE)
            jobs.append(job)
        tracer.terminate()
        tracer.wait(PATIENCE)
        return files, jobs, list(calls_in(log))
    finally:
        engine.end()


def measure(uploads: int) -> list[str]:
    """Return what was acknowledged before it was on disk."""
    with tempfile.TemporaryDirectory() as folder:
        files, jobs, calls = trace(Path(folder), uploads)
    found = {file_id: fault_of_upload(calls, file_id) for file_id in files}
    found |= {job_id: fault_of_job(calls, job_id) for job_id in jobs}
    return [f"{thing}: {fault}" for thing, fault in found.items() if fault]


def main() -> int:
    """Trace and print."""
    if shutil.which("strace") is None:
        print("Not tried: there is no strace here (apt install strace).")
        return 0
    uploads = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    faults = measure(uploads)
    print(f"{uploads} uploads and as many jobs; acknowledged too early: {len(faults)}")
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
