"""`kill -9` of every process in turn, in the middle of its work: nothing is lost, nothing runs twice.

The service runs as a user starts it; the model is tiny and random, everything else is real.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.fakes.ports import until
from tests.live_service import LiveService

EXAMPLES, EPOCHS = 30, 50
STEPS = EXAMPLES * EPOCHS
# The tokens that end an answer: out of reach, 128 answers of 200 tokens take half a minute, and a kill milliseconds.
NO_END = {"0": -100, "2": -100}


class Running(LiveService):
    """The service and its whole family of processes."""

    def find(self, words: str, serving: bool = False) -> psutil.Process | None:
        """Return the process whose command line holds `words`; `serving`: granian's child of the same name."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        named = [one for one in family if words in _command(one)]
        inner = [one for one in named if words in _command(one.parent())]
        return next(iter(inner if serving else [one for one in named if one not in inner]), None)

    def events(self, job_id: str) -> list[dict[str, Any]]:
        """Return every event of a job, oldest first."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {"limit": 100}
        while True:
            page = self.call("GET", f"/jobs/{job_id}/events", params=more)
            found += page["data"]
            if not page["has_more"]:
                return found[::-1]
            more["after"] = found[-1]["id"]

    def step(self, job_id: str) -> int:
        """Return the newest step that has an event, 0 if there is none."""
        newest = self.call("GET", f"/jobs/{job_id}/events", params={"limit": 100})["data"]
        return max((event["data"]["step"] for event in newest if event["type"] == "metrics"), default=0)

    def kill(self) -> None:
        """End the main process as nobody should."""
        self.process.kill()
        self.process.wait()


def _command(process: psutil.Process | None) -> str:
    try:
        return " ".join(process.cmdline()) if process else ""
    except psutil.Error:
        return ""


@pytest.fixture
def running(tmp_path: Path, tiny_gguf: Path) -> Iterator[Running]:
    base_model = tmp_path / "tiny.gguf"
    base_model.symlink_to(tiny_gguf)
    service = Running(tmp_path / "data", base_model)
    try:
        yield service.wait()
    finally:
        service.end()


def training(job_id: str) -> int:
    """Return how many processes on this machine train the job; one that still waits for its turn has no torch yet."""

    def trains(one: psutil.Process) -> bool:
        try:
            return any("torch" in mapped.path for mapped in one.memory_maps())
        except psutil.Error:
            return False

    named = [one for one in psutil.process_iter() if re.search(f"engine.trainer .*{job_id}", _command(one))]
    return len(named) if len(named) < 2 else sum(trains(one) for one in named)  # looking for torch takes 30 ms


@contextmanager
def counting_trainers(job_id: str) -> Iterator[list[int]]:
    """Look ten times a second how many processes train the job."""
    counts: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            counts.append(training(job_id))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield counts
    finally:
        over.set()
        looking.join()


def start_job(running: Running, epochs: int = EPOCHS) -> str:
    lines = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"answer {n}"}]}
        for n in range(EXAMPLES)
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    [uploaded] = running.call("POST", "/upload_files", files={"files": ("train.jsonl", content)})
    asked = {"training_file": uploaded["response"]["id"], "seed": 1}
    asked["hyperparameters"] = {"n_epochs": epochs, "batch_size": 1}
    return str(running.call("POST", "/fine_tuning", json=asked)["id"])


def go_past(running: Running, job_id: str, more: int) -> int:
    """Wait until the training has gone `more` steps on, and return the step it is at."""
    before = running.step(job_id)
    return int(until(lambda: running.step(job_id) >= before + more and running.step(job_id), 90))


def kill_each_in_turn(running: Running, job_id: str) -> None:
    for words, serving in (
        ("engine.trainer", False),
        ("engine serve", True),
        ("engine serve", False),
        ("app.py", True),
    ):
        victim = until(partial(running.find, words, serving))
        victim.kill()
        victim.wait(5)
        go_past(running, job_id, 1)
    running.kill()
    running.start()
    running.wait()


def test_a_job_survives_the_death_of_every_process_around_it(running: Running) -> None:
    job_id = start_job(running)
    go_past(running, job_id, 2 * EXAMPLES)
    with counting_trainers(job_id) as counts:
        kill_each_in_turn(running, job_id)
        asked = {"fine_tuning_job_id": job_id}
        until(lambda: running.call("POST", "/retrieve", json=asked)["status"] != "running", 180)
    assert max(counts) == 1
    job = running.call("GET", f"/jobs/{job_id}")
    assert job["status"] == "succeeded", job["error"]
    assert len(running.call("GET", "/jobs")["data"]) == 1
    assert job["trained_tokens"] % EPOCHS == 0
    plans = [event for event in running.events(job_id) if "resumed_from" in (event["data"] or {})]
    went_on = [event["data"]["resumed_from"] for event in plans]
    assert went_on[0] is None
    assert EXAMPLES <= went_on[1] <= went_on[-1] < STEPS
    assert went_on[1:] == sorted(went_on[1:])
    result = requests.get(f"{running.engine_url}/files/{job['result_files'][0]}/content", timeout=30)
    rows = result.text.splitlines()[1:]
    assert [int(row.partition(",")[0]) for row in rows] == list(range(1, STEPS + 1))


def test_a_proof_whose_model_server_is_killed_is_made_again(running: Running) -> None:
    job_id = start_job(running, epochs=1)

    def prover() -> psutil.Process | None:
        return running.find(f"{job_id}/adapter/adapter.gguf")

    def serving_prover() -> psutil.Process | None:
        found = prover()
        return found if found and any(one.status == "ESTABLISHED" for one in found.net_connections()) else None

    for look in (prover, serving_prover):
        victim = until(look, 90)
        victim.kill()
        victim.wait(5)
    until(lambda: running.call("GET", f"/jobs/{job_id}")["status"] != "running")
    job = running.call("GET", f"/jobs/{job_id}")
    assert job["status"] == "succeeded", job["error"]
    events = running.events(job_id)
    assert sum("The proof broke off" in event["message"] for event in events) == 2
    steps = [event["data"]["step"] for event in events if event["type"] == "metrics"]
    assert steps == list(range(1, EXAMPLES + 1))


def test_a_killed_model_server_costs_one_answer_and_no_more(running: Running) -> None:
    question: dict[str, Any] = {"text": "hello", "max_tokens": 200, "n": 128, "logit_bias": NO_END, "stream": True}
    running.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
    victim = until(lambda: running.find("engine.serving.llamacpp"))
    with requests.post(f"{running.url}/chat", json=question, stream=True, timeout=30) as reply:
        events = (json.loads(line[6:]) for line in reply.iter_lines() if line)
        assert next(events)["object"] == "chat.completion.chunk"
        victim.kill()
        last = list(events)[-1]  # [DONE] is no JSON
    assert last["error"]["code"] == "model_process_ended"
    assert running.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})["id"].startswith("chatcmpl-")
    assert until(lambda: running.find("engine.serving.llamacpp")).pid != victim.pid


def test_nothing_is_left_when_the_service_is_killed(running: Running) -> None:
    running.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
    job_id = start_job(running)
    go_past(running, job_id, 1)
    family = psutil.Process(running.process.pid).children(recursive=True)
    running.kill()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert [_command(one) for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    running.start()
    running.wait()
