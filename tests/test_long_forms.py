"""The short forms of what `make soak` runs for half an hour."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import bombard, broken_uploads, durability, fuzz_service, kills, many_models, soak, ssrf, stops
from bench.durability import Call

ID = "file-1"
PART = f"</d/files/{ID}.part>"
GOOD = [
    Call("write", f'(7{PART}, "content", 7) = 7'),
    Call("fsync", f"(7{PART}) = 0"),
    Call("rename", f'("/d/files/{ID}.part", "/d/files/{ID}") = 0'),
    Call("fsync", "(7</d/files>) = 0"),
    Call("pwrite64", f'(9</d/engine.sqlite3>, "{ID}", 4096, 0) = 4096'),
    Call("fdatasync", "(9</d/engine.sqlite3>) = 0"),
    Call("writev", f'(11<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{{iov_base="{ID}"}}], 1) = 9'),
]


def test_broken_uploads_leave_nothing_and_whole_ones_are_there() -> None:
    """Without a kill, which costs a start; `python -m bench.broken_uploads` has them."""
    ways, whole, faults = broken_uploads.measure(uploads=6, seed=7)
    assert faults == []
    assert whole == sum(ways.values()) == 6


@pytest.mark.skipif(shutil.which("strace") is None, reason="Debian's strace is not here")
def test_what_is_acknowledged_is_on_disk() -> None:
    assert durability.measure(uploads=2) == []


def test_a_load_of_some_seconds_fails_no_call_and_bursts_nothing() -> None:
    """Seconds tell no slope, so that the bars are wide; `python -m bench.soak` has the promised ones."""
    assert soak.measure(minutes=0.1, seed=7, bars=soak.Bars(rise=0.5, files=20, threads=20)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells how much memory a process held at its peak")
@pytest.mark.parametrize("bomb", ["XLSX that laughs", "13 million open lists"])
def test_a_bomb_bursts_nothing(bomb: str) -> None:
    """The machine may be busy, so that it has longer than the promised two seconds."""
    assert bombard.main([bomb], seconds=20) == 0


@pytest.mark.skipif(not ssrf.own_network(), reason="no network of our own, in which the canaries have every address")
def test_no_url_makes_a_server_connect_inside() -> None:
    command = [sys.executable, "-m", "bench.ssrf", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_upload_in_its_order_is_without_fault() -> None:
    assert durability.fault_of_upload(GOOD, ID) == ""
    assert durability.fault_of_job(GOOD, ID) == ""


@pytest.mark.parametrize("missing", range(len(GOOD)))
@pytest.mark.parametrize("fault_of", [durability.fault_of_upload, durability.fault_of_job])
def test_a_step_that_is_missing_or_late_is_told(fault_of: Callable[[list[Call], str], str], missing: int) -> None:
    needed = range(4, 7) if fault_of is durability.fault_of_job else {0, 1, 2, 3, 5, 6}
    without = [call for place, call in enumerate(GOOD) if place != missing]
    assert bool(fault_of(without, ID)) is (missing in needed)
    assert bool(fault_of([*without, GOOD[missing]], ID)) is (missing in needed and missing != 6)


def test_a_sync_that_failed_is_none() -> None:
    failed = [Call(call.name, call.text.replace("= 0", "= -1 EIO")) for call in GOOD]
    assert durability.fault_of_upload(failed, ID) == "fsync of the file is not where it belongs before the answer"


@pytest.mark.parametrize(
    ("no_process", "cold", "warm", "strangers", "megabytes", "missed"),
    [
        (1.0, 1.0, 0.2, 0, 64, 0),
        (1.01, 1.0, 0.2, 0, 64, 1),
        (1.0, 1.01, 0.2, 0, 64, 1),
        (1.0, 1.0, 0.21, 0, 64, 1),
        (1.0, 1.0, 0.2, 1, 64, 1),
        (1.0, 1.0, 0.2, 0, 65, 1),
        (1.5, 1.5, 1.5, 2, 70, 5),
    ],
)
def test_each_bar_of_many_models_is_missed_by_itself(
    no_process: float, cold: float, warm: float, strangers: int, megabytes: int, missed: int
) -> None:
    worst = {many_models.NO_PROCESS: no_process, many_models.COLD: cold, many_models.WARM: warm}
    seen: dict[str, list[tuple[str, many_models.Took]]] = {
        way: [("a", (0.1, 0.5, {})), ("b", (seconds, 2.0, {}))] for way, seconds in worst.items()
    }
    assert len(many_models.missed(seen, strangers, megabytes * many_models.MEGABYTE, 64)) == missed


def test_an_answer_nearest_to_another_model_is_counted() -> None:
    own = {"a": {"x": -0.1, "y": -3.0}, "b": {"x": -3.0, "y": -0.1}}
    answers: list[tuple[str, many_models.Took]] = [("a", (0, 0, own["a"])), ("b", (0, 0, own["a"]))]
    assert many_models.identities(own, answers)[0] == 1


@pytest.mark.parametrize(
    ("statuses", "published", "found"),
    [
        ("succeeded failed", "0", []),
        ("succeeded succeeded", "0", ["1"]),
        ("failed failed", "", ["0", "1"]),
        ("failed failed", "0", ["0", "1"]),
    ],
)
def test_kills_that_no_job_survives_with_a_model_are_a_fault(statuses: str, published: str, found: list[str]) -> None:
    jobs = [{"id": str(number), "status": status} for number, status in enumerate(statuses.split())]
    assert kills.without_model(jobs, [{"job_id": one} for one in published]) == found


def test_a_run_that_tried_too_little_is_told() -> None:
    told = "  Selected: 29/29\n  Tested: 29\n\nTest cases:\n  20,000 generated, 20,000 passed, 30 skipped\n"
    assert fuzz_service.shortfall(told, 1400, 29) == []
    assert fuzz_service.shortfall(told, 1401, 29) == ["20000 cases of 20014"]
    assert fuzz_service.shortfall(told, 1400, 30) == ["29 operations of 30"]
    assert fuzz_service.shortfall("", 1, 29) == ["0 cases of 14", "0 operations of 29"]


@pytest.mark.parametrize(
    ("answers", "end", "found"),
    [
        (128, b"[DONE]", "[DONE]"),
        (127, b"[DONE]", "[DONE] behind 127 answers"),
        (127, b'{"error": {"code": "server_stopping"}}', "server_stopping"),
        (128, b"", "None"),
    ],
)
def test_a_stream_ends_whole_or_says_why(answers: int, end: bytes, found: str) -> None:
    lines = [b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}', b""] * answers
    assert stops.ending([*lines, b"data: " + end] if end else lines) == found
    assert stops.ending([]) == "None"


@pytest.fixture
def watch(tmp_path: Path) -> soak.Watch:
    """What has looked at nothing."""
    server: Any = SimpleNamespace(family=list)
    return soak.Watch(server, tmp_path)


def test_servers_that_nobody_looked_at_are_a_fault(watch: soak.Watch) -> None:
    assert watch.unseen(60) == ["app.py was looked at 0 times in 60 s", "engine serve was looked at 0 times in 60 s"]
    watch.samples = {name: [soak.Sample(0, 1, 1, 1)] * 30 for name in ("1 app.py", "2 app.py", "3 engine serve")}
    assert watch.unseen(60) == []
    watch.samples["2 app.py"].pop()
    assert watch.unseen(60) == ["app.py was looked at 29 times in 60 s"]
