"""`python -m tests.engine.store.claimer DATABASE NAME`: one worker of many; it prints what it did, a line a job.

`... DATABASE NAME stale`: claims one job, prints its token, and writes to it whenever it is sent a line.
"""

import sys
from pathlib import Path

from engine import lifecycle
from engine.jobs import event
from engine.store import EVENTS, ClaimLost, Store


def open_store(where: str) -> Store:
    return Store(where if "://" in where else Path(where))


def claim_all(store: Store, name: str) -> None:
    """Claim and move every job that is left to claim."""
    while claim := store.claim(name, (lifecycle.QUEUED,)):
        said = {EVENTS: [event(claim.job_id, 1, name)]}
        assert claim.move(lifecycle.RUNNING, {lifecycle.QUEUED}, said, model=name)
        print(claim.job_id, claim.fence, flush=True)


def write_when_told(store: Store, name: str) -> None:
    """Write to the one job, and say each time whether it was taken."""
    claim = store.claim(name, (lifecycle.QUEUED,))
    assert claim
    claim.move(lifecycle.RUNNING, {lifecycle.QUEUED}, {})
    print(claim.fence, flush=True)
    for number, _ in enumerate(sys.stdin):
        try:
            claim.note(event(claim.job_id, 1, name, step=number), model=name)
            print("taken", flush=True)
        except ClaimLost:
            print("refused", flush=True)


if __name__ == "__main__":
    told = open_store(sys.argv[1]), sys.argv[2]
    write_when_told(*told) if sys.argv[3:] == ["stale"] else claim_all(*told)
