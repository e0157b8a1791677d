"""Chat and training on the same cores: bars first token < 2 s, at least 25 tokens/s, training slowed by less than half.

Run `python -m bench.chat_while_training [ROUNDS]`. A job trains through the engine on rows of equal length; phases
without and with one user chatting take turns. The user asks, reads a streamed answer of 60 tokens as it comes, thinks
for 5 seconds, and asks something else; "without a pause" is the same user who never thinks, the most that one user
can load. The baseline of the training is its own step time in the phases without chat. A slow-down of 2.00 is "half".
"""

import json
import statistics
import sys
import time
from typing import Any

from openai import OpenAI

from bench.live import ENGINE_KEY, Running, service, streamed

PHASE_SECONDS = 30.0
TOKENS = 60
ROWS = 40
USERS = {"nobody chats": None, "one user": 5.0, "without a pause": 0.0}


def main() -> None:
    """Print one row a kind of user."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    step_times: dict[str, list[float]] = {user: [] for user in USERS}
    answers: dict[str, list[tuple[float, float]]] = {user: [] for user in USERS}
    with service({}) as running:
        client = OpenAI(api_key=ENGINE_KEY, base_url=f"http://127.0.0.1:{running.engine_port}/v1")
        ask(running, 0)
        job_id = train(client)
        next_step(client, job_id)
        ask(running, 1)
        for _ in range(rounds):
            for user, pause in USERS.items():
                seconds, heard = phase(running, client, job_id, pause)
                step_times[user].append(seconds)
                answers[user] += heard
    print(f"{'':18}{'s a step':>10}{'slowed by':>11}{'s to first':>12}{'worst':>8}{'tokens/s':>10}{'worst':>8}")
    base = statistics.median(step_times["nobody chats"])
    for user, heard in answers.items():
        step = statistics.median(step_times[user])
        line = f"{user:18}{step:10.2f}{step / base:11.2f}"
        if heard:
            first, speed = zip(*heard, strict=True)
            line += (
                f"{statistics.median(first):12.2f}{max(first):8.2f}{statistics.median(speed):10.1f}{min(speed):8.1f}"
            )
        print(line)


def phase(
    running: Running, client: OpenAI, job_id: str, pause: float | None
) -> tuple[float, list[tuple[float, float]]]:
    """Chat, or not, from one step's end to that of another; return the seconds a step and what each answer took."""
    first, began = next_step(client, job_id)
    heard: list[tuple[float, float]] = []
    while time.monotonic() - began < PHASE_SECONDS:
        if pause is None:
            time.sleep(1)
        else:
            heard.append(ask(running, round(1e3 * began) + len(heard)))
            time.sleep(pause)
    last, ended = next_step(client, job_id)
    return (ended - began) / (last - first), heard


def ask(running: Running, number: int) -> tuple[float, float]:
    """Ask something new; return the seconds to the first token and the tokens per second."""
    question = f"Question {number}: what would a lighthouse keeper write into the log on day {number}?"
    body = {"text": question, "max_tokens": TOKENS, "stream": True, "logit_bias": {"2": -100}}
    return streamed(running.port, "/chat", body)


def train(client: OpenAI) -> str:
    """Start a job that outlasts the measurement; return its id."""
    rows = "".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"What did the keeper of lighthouse {number:03} note today?"},
                    {"role": "assistant", "content": f"Wind from the west, lamp {number:03} lit at dusk, all is well."},
                ]
            }
        )
        + "\n"
        for number in range(ROWS)
    )
    file_id = client.files.create(file=("bench.jsonl", rows.encode()), purpose="fine-tune").id
    return client.fine_tuning.jobs.create(
        training_file=file_id,
        model="gpt-3.5-turbo",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 4}}},
    ).id


def next_step(client: OpenAI, job_id: str) -> tuple[int, float]:
    """Wait for a step to end; return its number and when that was."""
    before = latest_step(client, job_id)
    while (step := latest_step(client, job_id)) == before:
        time.sleep(0.02)
    return step, time.monotonic()


def latest_step(client: OpenAI, job_id: str) -> int:
    """Return the number of the last step that the job's events tell of, 0 before the first."""
    job = client.fine_tuning.jobs.retrieve(job_id)
    if job.status in ("failed", "cancelled", "succeeded"):
        raise RuntimeError(f"the job is {job.status} already: {job.error}")
    events: list[Any] = client.fine_tuning.jobs.list_events(job_id, limit=5).data
    return max((event.data["step"] for event in events if event.type == "metrics"), default=0)


if __name__ == "__main__":
    main()
