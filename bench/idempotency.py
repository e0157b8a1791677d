"""`python -m bench.idempotency [KEYS] [SEED]`: KEYS keys, each by 32 callers at once, while the service is killed.

A caller who is told that the key is in use comes again, as does one whose service died. Prints what came of it, and
ends with 1 if a promise was broken: a key with more or fewer jobs than one, two replies that differ by a byte, a
replay that is not called one, a key in use without Retry-After, a key that may be used with another body.
"""

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests

from bench.creates import BODY, CREATE, Victim, jobs_of
from tests.fakes.openai_upstream import Fault

CALLERS = 32
KILLS_PER_KEY = 0.1
PATIENCE = 120.0  # seconds
PAUSE = 0.05


@dataclass
class Tally:
    """What was seen of one key: how often each thing was told, and the replies of 200."""

    told: Counter[str] = field(default_factory=Counter)
    replies: set[bytes] = field(default_factory=set)
    first: int = 0


def call(victim: Victim, key: str, tally: Tally, guard: threading.Lock) -> None:
    """Ask with the key until there is a job."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        reply = victim.post(BODY, {"Idempotency-Key": key})
        with guard:
            tally.told[_word(reply)] += 1
            if reply is not None and reply.status_code == 200:
                tally.replies.add(reply.content)
                tally.first += "Idempotent-Replayed" not in reply.headers
                return
        time.sleep(PAUSE)


def _word(reply: requests.Response | None) -> str:
    if reply is None:
        return "no answer"
    status, told = reply.status_code, reply.json()["response"]
    waits = "" if status != 409 or "Retry-After" in reply.headers else " without Retry-After"
    return "200" if status == 200 else f"{status} {told['code']}{waits}"


def try_key(victim: Victim, pool: ThreadPoolExecutor, key: str, fault: Fault | None) -> tuple[Counter[str], str]:
    """Let all callers ask at once, with a `fault` perhaps; what they were told, and what was wrong."""
    tally, guard = Tally(), threading.Lock()
    if fault:
        victim.fake.fail(CREATE, fault)
    calls = [pool.submit(call, victim, key, tally, guard) for _ in range(CALLERS)]
    while not all(one.done() for one in calls):
        victim.revive()
        time.sleep(PAUSE)
    jobs = jobs_of(victim.fake, key)
    if len(jobs) != 1 or len(tally.replies) != 1:
        return tally.told, f"{key}: {len(jobs)} jobs, {len(tally.replies)} replies"
    # Whoever started it may have died with the service before the answer.
    if tally.first != (0 if fault and fault.after_work else 1):
        return tally.told, f"{key}: {tally.first} replies were no replays"
    other = victim.post(BODY | {"seed": 7}, {"Idempotency-Key": key})
    wrong = "" if _word(other) == "422 idempotency_key_reused" else f"{key} with another body: {_word(other)}"
    return tally.told, wrong


def run(keys: int, chance: random.Random, kills: int) -> tuple[Counter[str], list[str]]:
    """Try so many keys, of which `kills` have the service die in the midst of their create."""
    told, wrong = Counter[str](), list[str]()
    killed = {*chance.sample(range(keys), kills)}
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Victim(Path(folder))) as victim,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        for number in range(keys):
            kill = Fault("drop", meanwhile=victim.service.kill, after_work=chance.random() < 0.5)
            each, fault = try_key(victim, pool, f"key-{number}", replace(kill) if number in killed else None)
            told += each
            wrong += [fault] if fault else []
    return told, wrong


def main() -> int:
    """Ask, then count."""
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    kills = int(keys * KILLS_PER_KEY)
    told, wrong = run(keys, random.Random(seed), kills)
    for word, count in sorted(told.items()):
        print(f"{count:6d}  {word}")
    print("\n".join(wrong), end="\n" if wrong else "")
    strange = [word for word in told if word.endswith("without Retry-After") or word.startswith("500")]
    print(f"{keys} keys by {CALLERS} callers each, {kills} kills; wrong: {len(wrong) + len(strange)}")
    return bool(wrong or strange)


if __name__ == "__main__":
    sys.exit(main())
