"""How soon a job begins to learn: from its creation to its first step's loss, bar 6 s.

Run `python -m bench.first_step [--short]`. One job after the other on an engine that has just started and is idle; each
is cancelled after its first step. The trainer is a process of its own, which reads the model anew for each.
"""

import json
import time
from statistics import median

from openai import OpenAI

from bench import docstrings, live
from bench.report import Report, Row, main, versions
from tests.fakes.ports import until

ROWS = 200


def seconds_to_learn(client: OpenAI, file_id: str) -> float:
    """Start a job, wait for its first step, and have it end."""
    began = time.perf_counter()
    job = client.fine_tuning.jobs.create(model="gpt-3.5-turbo", training_file=file_id)
    until(lambda: _learns(client, job.id), pause=0.05, longest=0.05)
    took = time.perf_counter() - began
    client.fine_tuning.jobs.cancel(job.id)
    until(lambda: client.fine_tuning.jobs.retrieve(job.id).status == "cancelled")
    return took


def _learns(client: OpenAI, job_id: str) -> bool:
    events = client.fine_tuning.jobs.list_events(job_id, limit=20).data
    failed = [event.message for event in events if event.level == "error"]
    if failed:
        raise RuntimeError(failed[0])
    return any(event.type == "metrics" for event in events)


def measure(short: bool) -> Report:
    """Start some jobs."""
    rounds = 5 if short else 11
    with live.service({}) as running:
        client = running.client()
        rows = "".join(json.dumps(row) + "\n" for row in docstrings.chats(ROWS))
        file = client.files.create(file=("rows.jsonl", rows.encode()), purpose="fine-tune")
        seen = [seconds_to_learn(client, file.id) for _ in range(rounds)]
    how = f"{rounds} jobs on {ROWS} chats, one after the other, median; the step itself is among the seconds."
    rows_told = [Row("a job's creation to the loss of its first step", median(seen), "s", at_most=6)]
    return Report("Jobs", how, rows_told, versions("torch", "transformers", "peft"))


if __name__ == "__main__":
    main(measure)
