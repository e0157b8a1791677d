"""`kill -9` of every process in turn, in the middle of its work: nothing is lost, nothing runs twice.

The service runs as a user starts it; the model is tiny and random, everything else is real.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psutil
import requests

from tests.fakes.ports import PATIENCE, connections, model_server, until
from tests.live_service import ENGINE_KEY, LiveService, command

EXAMPLES, EPOCHS = 30, 40
STEPS = EXAMPLES * EPOCHS
# The tokens that end an answer: out of reach, 128 answers of 200 tokens take half a minute, and a kill milliseconds.
NO_END = {"0": -100, "2": -100}


def training(job_id: str) -> int:
    """Return how many processes on this machine train the job; one that still waits for its turn has no torch yet."""

    def trains(one: psutil.Process) -> bool:
        try:
            return any("torch" in mapped.path for mapped in one.memory_maps())
        except psutil.Error:
            return False

    all_named = [one for one in psutil.process_iter() if re.search(f"engine.trainer .*{job_id}", command(one))]
    named = [one for one in all_named if one.name() != "bwrap"]  # the keepers of its walls
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


def start_job(live_service: LiveService, epochs: int = EPOCHS) -> str:
    lines = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"answer {n}"}]}
        for n in range(EXAMPLES)
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    [uploaded] = live_service.call("POST", "/upload_files", files={"files": ("train.jsonl", content)})
    asked = {"training_file": uploaded["response"]["id"], "seed": 1}
    asked["hyperparameters"] = {"n_epochs": epochs, "batch_size": 1}
    return str(live_service.call("POST", "/fine_tuning", json=asked)["id"])


def go_past(live_service: LiveService, job_id: str, more: int) -> int:
    """Wait until the training has gone `more` steps on, and return the step it is at."""
    before = live_service.step(job_id)
    return int(until(lambda: live_service.step(job_id) >= before + more and live_service.step(job_id)))


def kill_each_in_turn(live_service: LiveService, job_id: str) -> None:
    for words, serving in (  # of the trainer, tests/engine/test_kills.py has it
        ("engine serve", True),
        ("engine serve", False),
        ("app.py", True),
    ):
        victim = until(partial(live_service.find, words, serving))
        victim.kill()
        victim.wait(PATIENCE)
        go_past(live_service, job_id, 1)
    live_service.kill()
    live_service.start()
    live_service.wait()


def test_a_job_survives_the_death_of_every_process_around_it(live_service: LiveService) -> None:
    job_id = start_job(live_service)
    go_past(live_service, job_id, 2 * EXAMPLES)
    with counting_trainers(job_id) as counts:
        kill_each_in_turn(live_service, job_id)
        asked = {"fine_tuning_job_id": job_id}
        until(lambda: live_service.call("POST", "/retrieve", json=asked)["status"] != "running")
    assert max(counts) == 1
    job = live_service.call("GET", f"/jobs/{job_id}")
    assert job["status"] == "succeeded", job["error"]
    assert len(live_service.call("GET", "/jobs")["data"]) == 1
    assert job["trained_tokens"] % EPOCHS == 0
    plans = [event for event in live_service.events(job_id) if "resumed_from" in (event["data"] or {})]
    went_on = [event["data"]["resumed_from"] for event in plans]
    assert went_on[0] is None
    assert EXAMPLES <= went_on[1] <= went_on[-1] < STEPS
    assert went_on[1:] == sorted(went_on[1:])
    url = f"{live_service.engine_url}/files/{job['result_files'][0]}/content"
    result = requests.get(url, headers={"Authorization": f"Bearer {ENGINE_KEY}"}, timeout=30)
    rows = result.text.splitlines()[1:]
    assert [int(row.partition(",")[0]) for row in rows] == list(range(1, STEPS + 1))


def test_a_proof_whose_model_server_is_killed_is_made_again(live_service: LiveService) -> None:
    job_id = start_job(live_service, epochs=1)
    prover = partial(live_service.find, "engine.serving.llamacpp")

    def serving_prover() -> psutil.Process | None:
        found = prover()
        while found and found.is_running() and found.status() != psutil.STATUS_ZOMBIE:
            if connections(found):  # for milliseconds
                return found
        return None

    for look in (prover, serving_prover):
        victim = until(look)
        victim.kill()
        victim.wait(PATIENCE)
    until(lambda: live_service.call("GET", f"/jobs/{job_id}")["status"] != "running")
    job = live_service.call("GET", f"/jobs/{job_id}")
    assert job["status"] == "succeeded", job["error"]
    events = live_service.events(job_id)
    assert sum("The proof broke off" in event["message"] for event in events) == 2
    steps = [event["data"]["step"] for event in events if event["type"] == "metrics"]
    assert steps == list(range(1, EXAMPLES + 1))


def test_a_killed_model_server_costs_one_answer_and_no_more(live_service: LiveService) -> None:
    question: dict[str, Any] = {"text": "hello", "max_tokens": 200, "n": 128, "logit_bias": NO_END, "stream": True}
    live_service.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
    main = psutil.Process(live_service.process.pid)
    victim = until(lambda: model_server(main))
    with requests.post(f"{live_service.url}/chat", json=question, stream=True, timeout=30) as reply:
        events = (json.loads(line[6:]) for line in reply.iter_lines() if line)
        assert next(events)["object"] == "chat.completion.chunk"
        victim.kill()
        last = list(events)[-1]  # [DONE] is no JSON
    assert last["error"]["code"] == "model_process_ended"
    assert live_service.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})["id"].startswith("chatcmpl-")
    assert until(lambda: model_server(main)).pid != victim.pid


def test_nothing_is_left_when_the_service_is_killed(live_service: LiveService) -> None:
    live_service.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
    job_id = start_job(live_service)
    go_past(live_service, job_id, 1)
    family = psutil.Process(live_service.process.pid).children(recursive=True)
    live_service.kill()
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert [command(one) for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    live_service.start()
    live_service.wait()
