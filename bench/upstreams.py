"""`python -m bench.upstreams [ROUNDS] [SEED]`: every way in which an upstream can misbehave, for every call upstream.

Each call is made to a service of its own, in this process, whose upstream is on a real socket. Prints what each kind
came to, and ends with 1 if a promise was broken: a reply that is a mistake of the service's or is not in its shape, a
status that does not fit, a stream without an error event at its end, an answer after the deadline, a secret told.
"""

import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config import ServiceConfig
from services import creates
from tests.fakes.misbehaviour import KEY, KINDS, STREAMS, Kind
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI, Fault

LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
# Seconds: for one wait, for a whole answer, and for a busy machine on top.
SILENCE, WHOLE, SLACK = 0.4, 1.0, 2.0
AT_ONCE = 8
JOBS = "/v1/fine_tuning/jobs"


@dataclass(frozen=True)
class Call:
    """A call of the service, and what it asks the upstream."""

    name: str
    upstream: str
    ask: Callable[[FlaskClient], TestResponse]
    seconds: float = SILENCE


CALLS = (
    Call("chat", "POST /v1/chat/completions", lambda client: client.post("/chat", json={"text": "Hi"}), WHOLE),
    Call(
        "stream",
        "POST /v1/chat/completions",
        lambda client: client.post("/chat", json={"text": "Hi", "stream": True}),
        WHOLE,
    ),
    Call(
        "upload",
        "POST /v1/files",
        lambda client: client.post("/upload_files", data={"files": (io.BytesIO(LINE), "a.jsonl")}),
        WHOLE,
    ),
    Call("create", f"POST {JOBS}", lambda client: client.post("/fine_tuning", json={"training_file": FILE_ID})),
    Call(
        "retrieve", f"GET {JOBS}/{JOB_ID}", lambda client: client.post("/retrieve", json={"fine_tuning_job_id": JOB_ID})
    ),
    Call("cancel", f"POST {JOBS}/{JOB_ID}/cancel", lambda client: client.post(f"/jobs/{JOB_ID}/cancel")),
)
STREAM = CALLS[1]


@dataclass(frozen=True)
class Outcome:
    """What one call came to: seconds, the status and code that were told, and what was wrong with it."""

    what: str
    seconds: float
    told: str
    wrong: str


class Place:
    """A service and its upstream, for one call at a time; no breaker ends the tries."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeOpenAI()
        self.fake.new_file("a.jsonl", len(LINE))
        config = ServiceConfig(
            data_dir=folder,
            openai_api_key=KEY,
            openai_base_url=self.fake.base_url,
            upstream_timeout=SILENCE,
            answer_timeout=WHOLE,
            threads=16,
        )
        app = create_app(config)
        upstream = app.extensions["services"].upstream
        upstream._breaker = None
        upstream.warm()
        self.client = app.test_client()

    def ask(self, call: Call, fault: Fault) -> tuple[TestResponse, float]:
        """Make the call, during which the upstream misbehaves; the reply, read to its end, and the seconds it took."""
        self.fake.fail(call.upstream, fault)
        began = time.monotonic()
        reply = call.ask(self.client)
        reply.get_data()
        return reply, time.monotonic() - began


def try_kind(place: Place, call: Call, name: str, kind: Kind) -> Outcome:
    """Try what any call may meet."""
    reply, seconds = place.ask(call, kind.fault)
    told = json.loads(reply.data)["response"]
    fits = reply.status_code in kind.told or _late(reply, seconds, kind)
    if call.name == "create" and any(status >= 500 or status == 409 for status in kind.told):
        fits = (reply.status_code, told["code"]) == (504, "needs_attention")
    wrong = "" if fits else f"status {reply.status_code}"
    return _judged(f"{name}, {call.name}", reply, seconds, call, told, wrong)


def try_stream(place: Place, name: str, fault: Fault) -> Outcome:
    """Try what a stream alone may do: its last event has to say it, unless the status can still."""
    reply, seconds = place.ask(STREAM, fault)
    if reply.is_json:
        wrong = "" if reply.status_code in (502, 504) else f"status {reply.status_code}"
        return _judged(name, reply, seconds, STREAM, json.loads(reply.data)["response"], wrong)
    events = [json.loads(line[6:]) for line in reply.data.splitlines() if line.startswith(b"data: ")]
    told = events[-1].get("error") or {}
    wrong = "" if len(events) > 1 and told.get("message") else "no error event at the end"
    return _judged(name, reply, seconds, STREAM, told, wrong)


def _late(reply: TestResponse, seconds: float, kind: Kind) -> bool:
    """Whether the fake did not get to it in time, on a busy machine."""
    return reply.status_code == 504 and seconds >= SILENCE and 502 in kind.told


def _judged(what: str, reply: TestResponse, seconds: float, call: Call, told: dict[str, Any], wrong: str) -> Outcome:
    if told.get("code") == "internal_error":
        wrong = "a mistake of the service's"
    elif KEY in reply.get_data(as_text=True) or KEY in str(reply.headers):
        wrong = "told the key"
    elif seconds > call.seconds + SLACK:
        wrong = f"took {seconds:.1f} s"
    return Outcome(what, seconds, f"{reply.status_code} {told.get('code')}", wrong)


def tries(calls: Callable[[], Sequence[Call]]) -> Iterator[Callable[[Place], Outcome]]:
    """Every kind for each of `calls`, which is asked anew for each kind, and what only streams do."""
    for name, kind in KINDS.items():
        for call in calls():
            yield partial(try_kind, call=call, name=name, kind=kind)
    for name, fault in STREAMS.items():
        yield partial(try_stream, name=name, fault=fault)


def run(rounds: int, chance: random.Random) -> list[Outcome]:
    """Try all of it so often, in any order, some at once; 0 rounds try each kind for one call."""
    creates.LOOKS = (0.0, 0.0, 0.0, 0.0, 0.0)  # how long a person waits for them is tried elsewhere
    one_call, every_call = (lambda: [chance.choice(CALLS)]), (lambda: CALLS)
    wanted = [one for _ in range(max(rounds, 1)) for one in tries(every_call if rounds else one_call)]
    chance.shuffle(wanted)
    free = SimpleQueue[Place]()

    def take(one: Callable[[Place], Outcome]) -> Outcome:
        place = free.get()
        try:
            return one(place)
        finally:
            free.put(place)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(AT_ONCE):
            free.put(Place(Path(folder)))
        return [*pool.map(take, wanted)]


def main() -> int:
    """Try, then count."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    outcomes = run(rounds, random.Random(seed))
    for told, count in sorted(Counter(one.told for one in outcomes).items()):
        print(f"{count:6d}  {told}")
    wrong = [one for one in outcomes if one.wrong]
    for one in wrong:
        print(f"{one.what}: {one.told}, {one.seconds:.2f} s: {one.wrong}")
    slowest = max(outcomes, key=lambda one: one.seconds)
    print(f"{len(outcomes)} calls, {len(wrong)} wrong; the slowest took {slowest.seconds:.2f} s ({slowest.what})")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
