"""`python -m bench.creates [CREATES] [SEED]`: paid creates under faults, compared with the upstream's own log.

Each create has a key, and is asked for until it is answered, as a patient caller would; where the service says
`needs_attention`, the caller looks into the upstream, and confirms if nothing is there. Prints what each fault was told
as first, and ends with 1 if a promise was broken: two jobs of one key, or none where one was told, another one the
second time, several POSTs of one call, an open create that is told neither as a job nor as `needs_attention`.
"""

import logging
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from services.creates import CONFIRM_NEW, KEY
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault, refusal
from tests.fakes.service import Service

CREATE, LIST = "POST /v1/fine_tuning/jobs", "GET /v1/fine_tuning/jobs"
BODY = {"training_file": FILE_ID}
SILENCE = 1.0  # seconds, after which the upstream is given up
LOOK_AFTER = SILENCE  # instead of the minute after which a person looks
HIDDEN = Fault("raw", raw=b'{"object": "list", "data": [], "has_more": false}')
SOMETIMES = 0.3  # how often the upstream's list lags behind
START = 120.0  # seconds that a start may take on a machine that has other things to do
PATIENCE = 12  # calls, after which a caller is told wrong
PLACES = 4
KILLED = "kill -9 of the service before the answer"
Answer = tuple[int, dict[str, Any]]


class Quiet(Service):
    """A service whose lines nobody reads."""

    output = subprocess.DEVNULL


class Victim:
    """A live service that can be killed while its upstream works, and is started again."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeOpenAI()
        self.fake.new_file("a.jsonl", 1)
        settings = {"OPENAI_BASE_URL": self.fake.base_url, "OPENAI_API_KEY": "", "DATA_DIR": str(folder)}
        self.service = Quiet(**settings, UPSTREAM_TIMEOUT="20").wait(START)

    def post(self, body: dict[str, Any], headers: dict[str, str]) -> requests.Response | None:
        """Ask once; None: no answer came."""
        try:
            return requests.post(f"{self.service.url}/fine_tuning", json=body, headers=headers, timeout=60)
        except requests.RequestException:
            return None

    def revive(self) -> None:
        """Start the service again if it was killed."""
        if self.service.process.poll() is not None:
            self.service.start()
            self.service.wait(START)

    def close(self) -> None:
        """End both."""
        self.service.end()
        self.fake.close()


class Alive:
    """A caller of a live service."""

    def __init__(self, victim: Victim) -> None:
        self.victim, self.fake = victim, victim.fake

    def ask(self, key: str, *, sure: bool) -> Answer:
        """Ask once, of a service that runs; status 0: no answer came."""
        self.victim.revive()
        reply = self.victim.post(BODY, _headers(key, sure))
        return (reply.status_code, reply.json()["response"]) if reply is not None else (0, {})


class Inside:
    """A caller of a service in this process, for whom no time passes between the looks for a job."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeOpenAI()
        self.fake.new_file("a.jsonl", 1)
        config = ServiceConfig(data_dir=folder, openai_base_url=self.fake.base_url, upstream_timeout=SILENCE)
        app = create_app(config)
        asked = app.extensions["services"]
        asked.fine_tuning._creates._sleep = lambda _: None
        asked.upstream._breaker = None  # which would end the tries
        asked.upstream.warm()
        self.client: FlaskClient = app.test_client()
        self.client.get("/jobs")  # what is loaded for the first call takes longer than SILENCE on a busy machine

    def ask(self, key: str, *, sure: bool) -> Answer:
        """Ask once."""
        reply = self.client.post("/fine_tuning", json=BODY, headers=_headers(key, sure))
        return reply.status_code, reply.get_json()["response"]


def _headers(key: str, sure: bool) -> dict[str, str]:
    return {"Idempotency-Key": key} | ({CONFIRM_NEW: "true"} if sure else {})


def _accepted_or_not(fault: Fault, chance: random.Random) -> Fault:
    return replace(fault, after_work=chance.random() < 0.5)


def _hang(chance: random.Random) -> Fault:
    whens: list[dict[str, Any]] = [{"after_work": True}, {"late": True}, {}]
    when = chance.choice(whens)
    return Fault("hang", seconds=SILENCE * 1.4, **when)


FAULTS: dict[str, Callable[[random.Random], Fault]] = {
    "drop before it is accepted": lambda _: Fault("drop"),
    "drop after it is accepted": lambda _: Fault("drop", after_work=True),
    "500 after it is accepted": lambda _: replace(refusal(500, "no", None), after_work=True),
    "hang past the time-out": _hang,
    "409": lambda chance: _accepted_or_not(refusal(409, "Another request is running", None), chance),
    "429 with Retry-After": lambda _: refusal(429, "slow down", "rate_limit_exceeded", Retry_After="7"),
}


OPEN = {"a job", "504 needs_attention"}
TOLD = {"429 with Retry-After": {"429 rate_limit_exceeded"}, KILLED: {"no answer"}}


@dataclass(frozen=True)
class Outcome:
    """What one create came to: how it was told first, and what was wrong."""

    fault: str
    told: str
    wrong: str


def follow(caller: Alive | Inside, fault: str, key: str) -> Outcome:
    """Ask until there is an answer, then compare it with what the upstream has."""
    first, sure = "", False
    for _ in range(PATIENCE):
        before = caller.fake.count(CREATE)
        status, told = caller.ask(key, sure=sure)
        posts = caller.fake.count(CREATE) - before
        first = first or (_word(status, told) if posts else "")  # without a POST it did not come to the fault
        if first and first not in TOLD.get(fault, OPEN):
            return Outcome(fault, first, f"{key}: {told}")
        if posts > 1:
            return Outcome(fault, first, f"{key}: one call made several POSTs")
        if status == 200:
            there, again = jobs_of(caller.fake, key), caller.ask(key, sure=False)[1].get("id")
            same = there == jobs_of(caller.fake, key) == [told["id"]] == [again]
            return Outcome(fault, first, "" if same else f"{key}: told {told['id']}, then {again}; there are {there}")
        sure = False
        if told.get("code") == "needs_attention":
            time.sleep(LOOK_AFTER)
            sure = not jobs_of(caller.fake, key)
    return Outcome(fault, first, f"{key}: never answered")


def _word(status: int, told: dict[str, Any]) -> str:
    return {200: "a job", 0: "no answer"}.get(status, f"{status} {told.get('code')}")


def jobs_of(fake: FakeOpenAI, key: str) -> list[str]:
    """Which jobs of this key there are that nobody has cancelled."""
    with fake.lock:
        jobs = [*fake.jobs.values()]
    return [job["id"] for job in jobs if job["metadata"].get(KEY) == key and job["status"] != "cancelled"]


def inside(caller: Inside, creates: int, chance: random.Random) -> list[Outcome]:
    """Make so many creates under every fault but the kill; now and then the upstream's list lags behind."""
    outcomes = []
    for number in range(creates):
        name = [*FAULTS][number % len(FAULTS)]
        caller.fake.fail(CREATE, FAULTS[name](chance))
        if chance.random() < SOMETIMES:
            caller.fake.fail(LIST, *[HIDDEN] * chance.randint(1, 8))
        outcomes.append(follow(caller, name, f"key-{number}"))
    caller.fake.close()
    return outcomes


def killed(kills: int, chance: random.Random) -> list[Outcome]:
    """Kill the service so often between its POST and the upstream's answer."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, closing(Victim(Path(folder))) as victim:
        for number in range(kills):
            fault = Fault("drop", meanwhile=victim.service.kill)
            victim.fake.fail(CREATE, _accepted_or_not(fault, chance))
            outcomes.append(follow(Alive(victim), KILLED, f"killed-{number}"))
    return outcomes


def run(creates: int, seed: int) -> list[Outcome]:
    """Make so many creates, an equal share of them under each fault."""
    kills = creates // (len(FAULTS) + 1)
    shares = [(creates - kills) // PLACES + (place < (creates - kills) % PLACES) for place in range(PLACES)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(PLACES + 1) as pool:
        callers = [Inside(Path(folder)) for _ in shares]
        chances = [random.Random(seed * (PLACES + 1) + place) for place in range(PLACES + 1)]
        tries = [pool.submit(inside, *each) for each in zip(callers, shares, chances, strict=False)]
        tries.append(pool.submit(killed, kills, chances[-1]))
        return [outcome for one in tries for outcome in one.result()]


def main() -> int:
    """Create, then count."""
    creates = int(sys.argv[1]) if len(sys.argv) > 1 else 70
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    logging.disable()  # of what it tells of each open create, which is wanted here
    print(f"seed {seed}", flush=True)
    outcomes = run(creates, seed)
    for (fault, told), count in sorted(Counter((one.fault, one.told) for one in outcomes).items()):
        print(f"{count:6d}  {fault}: {told}")
    wrong = [one.wrong for one in outcomes if one.wrong]
    print("\n".join(wrong), end="\n" if wrong else "")
    print(f"{len(outcomes)} creates, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
