"""`python -m bench.claims [DATABASE_URL]`: six claimers and a thousand jobs; fifty workers stopped past their lease.

Prints double claims, lost jobs, writes under an old token and claimers that met a locked database; all must be 0.
It empties no database: give it a new one.
"""

import collections
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.store import JOBS, Store
from tests.engine.store.claimer import open_store
from tests.engine.store.rows import a_job

ROOT = Path(__file__).parents[1]
CLAIMERS, JOBS_TO_CLAIM, STOPS = 6, 1000, 50


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


def stop(store: Store, database: str) -> None:
    """R7: whoever was stopped while its job was claimed anew writes nothing more."""
    answers = collections.Counter[str]()
    for number in range(STOPS):
        store.insert({JOBS: [a_job(f"stopped-{number}")]})
        stale = claimer(database, "stale", "stale")
        assert stale.stdout is not None
        stale.stdout.readline()
        stale.send_signal(signal.SIGSTOP)
        newer = store.claim(f"newer-{number}", ("running",), [one for one in store.held() if one.owner == "stale"])
        assert newer is not None
        assert newer.job_id == f"stopped-{number}"
        stale.send_signal(signal.SIGCONT)
        answers.update(stale.communicate("\n")[0].split())
    print(f"workers stopped past their lease {STOPS}: writes refused {answers['refused']}, taken {answers['taken']}")


def main() -> None:
    """Run both on a database of their own."""
    with tempfile.TemporaryDirectory() as folder:
        database = sys.argv[1] if len(sys.argv) > 1 else str(Path(folder) / "facts.sqlite3")
        store = open_store(database)
        claim(store, database)
        stop(store, database)
        store.close()


if __name__ == "__main__":
    main()
