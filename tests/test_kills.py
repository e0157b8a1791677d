"""`kill -9` of every process in turn, in the middle of its work: nothing is lost, nothing runs twice.

The service runs as a user starts it; the model is tiny and random, everything else is real.
"""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES, EPOCHS = 30, 50
STEPS = EXAMPLES * EPOCHS
# The tokens that end an answer: out of reach, 128 answers of 200 tokens take half a minute, and a kill milliseconds.
NO_END = {"0": -100, "2": -100}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the first truthy value of `true`."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


class Running:
    """The service and its whole family of processes."""

    def __init__(self, folder: Path, base_model: Path) -> None:
        self.port = free_port()
        self._settings = {
            "PORT": str(self.port),
            "ENGINE_PORT": str(free_port()),
            "DATA_DIR": str(folder),
            "BASE_MODEL": str(base_model),
            "CONTEXT_TOKENS": "256",
            "OPENAI_API_KEY": "",
            "OPENAI_BASE_URL": "",
        }
        self.start()

    def start(self) -> None:
        self.main = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **self._settings})
        until(self._answers, 30)

    def stop(self) -> None:
        self.main.terminate()
        self.main.wait(30)

    def find(self, words: str, serving: bool = False) -> psutil.Process | None:
        """Return the process whose command line holds `words`; `serving`: granian's child of the same name."""
        family = psutil.Process(self.main.pid).children(recursive=True)
        named = [one for one in family if words in _command(one)]
        inner = [one for one in named if words in _command(one.parent())]
        return next(iter(inner if serving else [one for one in named if one not in inner]), None)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return `response`; a 502 or 503 while something restarts is asked again."""

        def answered() -> Any:
            try:
                reply = requests.request(method, f"http://127.0.0.1:{self.port}{path}", timeout=30, **options)
            except requests.ConnectionError:
                return None
            if reply.status_code in (502, 503):
                return None
            assert reply.ok, reply.text
            return [reply.json()["response"]]

        return until(answered)[0]

    def engine_text(self, path: str) -> str:
        """Return what the engine itself answers."""
        return requests.get(f"http://127.0.0.1:{self._settings['ENGINE_PORT']}/v1{path}", timeout=30).text

    def steps(self, job_id: str) -> list[int]:
        """Return the steps that have an event, oldest first."""
        events = self.call("GET", f"/jobs/{job_id}/events", params={"limit": 100})["data"]
        return [event["data"]["step"] for event in reversed(events) if event["type"] == "metrics"]

    def _answers(self) -> bool:
        assert self.main.poll() is None
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/status", timeout=2).ok
        except requests.ConnectionError:
            return False


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
    yield service
    service.stop()


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
    before = max(running.steps(job_id), default=0)
    return int(until(lambda: max([*running.steps(job_id), 0]) >= before + more and max(running.steps(job_id)), 90))


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
    running.main.kill()
    running.main.wait()
    running.start()


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
    rows = running.engine_text(f"/files/{job['result_files'][0]}/content").splitlines()[1:]
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
    events = running.call("GET", f"/jobs/{job_id}/events", params={"limit": 100})["data"]
    assert sum("The proof broke off" in event["message"] for event in events) == 2
    assert running.steps(job_id) == list(range(1, EXAMPLES + 1))


def test_a_killed_model_server_costs_one_answer_and_no_more(running: Running) -> None:
    question: dict[str, Any] = {"text": "hello", "max_tokens": 200, "n": 128, "logit_bias": NO_END, "stream": True}
    running.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
    victim = until(lambda: running.find("engine.serving.llamacpp"))
    with requests.post(f"http://127.0.0.1:{running.port}/chat", json=question, stream=True, timeout=30) as reply:
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
    family = psutil.Process(running.main.pid).children(recursive=True)
    running.main.kill()
    running.main.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert [_command(one) for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    running.start()
