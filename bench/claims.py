"""`python -m bench.claims [DATABASE_URL] [--seed N]`: 6 claimers, 1,000 jobs; 50 workers stopped past their lease.

Prints double claims, lost jobs, writes under an old token and claimers that met a locked database; all must be 0.
It empties no database: give it a new one.
"""

import argparse
import collections
import random
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from engine.leases import Leases
from engine.store import JOBS, Claim, Store
from tests.engine.store.claimer import open_store
from tests.engine.store.rows import a_job
from tests.fakes.ports import until

ROOT = Path(__file__).parents[1]
CLAIMERS, JOBS_TO_CLAIM, STOPS = 6, 1000, 50
LEASE = 0.3  # seconds


def claimer(database: str, *words: str) -> "subprocess.Popen[str]":
    """Start one worker of `tests/engine/store/claimer.py`."""
    command = [sys.executable, "-m", "tests.engine.store.claimer", database, *words]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def claim(store: Store, database: str) -> None:
    """R8: nobody claims what another has, nobody meets a locked database."""
    store.insert({JOBS: [a_job(f"ftjob-{number}") for number in range(JOBS_TO_CLAIM)]})
    begun = time.monotonic()
    workers = [claimer(database, f"worker-{number}") for number in range(CLAIMERS)]
    claimed = collections.Counter(line for worker in workers for line in worker.communicate()[0].splitlines())
    print(f"claimers {CLAIMERS}, jobs {JOBS_TO_CLAIM}, seconds {time.monotonic() - begun:.1f}")
    print(f"double claims {sum(claimed.values()) - JOBS_TO_CLAIM}, jobs lost {JOBS_TO_CLAIM - len(claimed)}")
    print(f"claimers that failed (a locked database would) {sum(worker.returncode != 0 for worker in workers)}")


def stop(store: Store, database: str, folder: Path, chance: random.Random) -> None:
    """R7: whoever was stopped past its lease, after some writes, while its job was claimed anew writes nothing more."""
    answers, leases = collections.Counter[str](), Leases(folder, LEASE)

    def claim_from(owner: str) -> Claim | None:
        dead = [one for one in leases.dead(store.held()) if one.owner == owner]
        return store.claim(leases.owner, ("running",), dead)

    for number in range(STOPS):
        owner = f"stopped-{number}"
        store.insert({JOBS: [a_job(owner)]})
        stale = claimer(database, owner, "stale")
        assert stale.stdin is not None
        assert stale.stdout is not None
        stale.stdout.readline()
        for _ in range(chance.randrange(4)):
            stale.stdin.write("\n")
            stale.stdin.flush()
            answers["before"] += stale.stdout.readline() == "taken\n"
        stale.send_signal(signal.SIGSTOP)
        newer = until(partial(claim_from, owner))
        assert newer.job_id == owner
        time.sleep(chance.uniform(0, LEASE))
        stale.send_signal(signal.SIGCONT)
        answers.update(stale.communicate("\n")[0].split())
        assert newer.move("cancelled", {"running"}, {}, finished_at=1)
    print(f"workers stopped past their lease {STOPS}, after {answers['before']} writes that were taken")
    print(f"writes under the old token refused {answers['refused']}, taken {answers['taken']}")


def main() -> None:
    """Run both on a database of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory() as folder:
        database = asked.database or str(Path(folder) / "facts.sqlite3")
        store = open_store(database)
        claim(store, database)
        stop(store, database, Path(folder) / "workers", random.Random(asked.seed))
        store.close()


if __name__ == "__main__":
    main()
