"""A job has one holder at a time, and nobody whose claim is over writes to it."""

import collections
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench import claims
from engine.jobs import event
from engine.store import EVENTS, JOBS, MODELS, Claim, ClaimLost, Store
from tests.engine.store.rows import a_job
from tests.fakes.ports import until

ROOT = Path(__file__).parents[3]
# Stops in short; `python -m bench.claims` takes fifty, and has callers at work beside a thousand jobs.
CLAIMERS, JOBS_TO_CLAIM, STOPS = 6, 1000, 3
WAITING = ("running", "queued")
MODEL = {"id": "ft:m", "job_id": "ftjob-1", "base": "m", "created_at": 1, "adapter": "x"}


def take(store: Store, owner: str = "a") -> Claim:
    claim = store.claim(owner, WAITING)
    assert claim is not None
    return claim


def messages(store: Store) -> list[str]:
    return [row["message"] for row in store.newest(EVENTS, 99, ascending=True)]


def claimer(database: Path | str, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.engine.store.claimer", str(database), *words]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_an_interrupted_job_is_claimed_before_waiting_ones(store: Store) -> None:
    store.insert({JOBS: [a_job("waits"), a_job("waits longer"), a_job("interrupted", status="running")]})
    assert [take(store).job_id for _ in range(2)] == ["interrupted", "interrupted"]  # its own work is left to it
    assert take(store, "b").job_id == "waits"


def test_every_claim_has_a_higher_token(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    assert [take(store).fence for _ in range(3)] == [1, 2, 3]


def test_a_job_that_somebody_works_on_is_not_claimed(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    claim = take(store)
    assert store.claim("b", WAITING) is None
    assert claim.move("running", {"queued"}, {})
    assert store.claim("b", WAITING) is None


def test_the_job_of_a_dead_worker_is_claimed_unless_it_was_heard_of_since(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    first = take(store)
    seen = store.held()
    first.beat()
    assert store.claim("b", WAITING, seen) is None
    second = store.claim("b", WAITING, store.held())
    assert second is not None
    assert (second.job["owner"], second.fence) == ("b", first.fence + 1)


def test_nothing_of_a_lost_claim_is_written(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    stale, said = take(store), event("ftjob-1", 2, "stale")
    newer = store.claim("b", WAITING, store.held())
    assert newer is not None
    assert newer.move("running", {"queued"}, {})
    for write in (
        lambda: stale.note(said, model="stale"),
        lambda: stale.move("succeeded", {"running"}, {MODELS: [MODEL], EVENTS: [said]}, finished_at=7),
        stale.beat,
    ):
        with pytest.raises(ClaimLost, match="ftjob-1"):
            write()
    stale.release()
    job = store.one(JOBS, id="ftjob-1")
    assert job is not None
    assert (job["status"], job["model"], job["owner"]) == ("running", "m", "b")
    assert (messages(store), store.one(MODELS, id="ft:m")) == ([], None)
    assert newer.move("succeeded", {"running"}, {MODELS: [MODEL]}, finished_at=7)
    assert store.one(MODELS, id="ft:m") is not None


def test_a_move_that_the_status_forbids_publishes_nothing_and_loses_no_claim(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    claim = take(store)
    store.update(JOBS, "ftjob-1", status="cancelled")
    assert not claim.move("succeeded", {"running"}, {MODELS: [MODEL]}, finished_at=7)
    assert store.one(MODELS, id="ft:m") is None
    claim.beat()


def test_a_step_trained_again_is_one_event(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    claim = take(store)
    for loss in ("1.93", "1.94"):
        claim.note(event("ftjob-1", 3, f"Step 3/96: training loss={loss}", step=3))
    assert messages(store) == ["Step 3/96: training loss=1.93"]


def test_a_released_job_is_anybodys(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    claim = take(store)
    claim.move("running", {"queued"}, {})
    claim.release()
    assert take(store, "b").job_id == "ftjob-1"


def test_six_claimers_take_every_job_once(store: Store, database: Path | str) -> None:
    store.insert({JOBS: [a_job(f"ftjob-{number}") for number in range(JOBS_TO_CLAIM)]})
    workers = [claimer(database, f"worker-{number}") for number in range(CLAIMERS)]
    lines = [line.split() for worker in workers for line in worker.communicate()[0].splitlines()]
    assert [worker.returncode for worker in workers] == [0] * CLAIMERS  # a locked database would end one of them
    claimed = collections.Counter(job_id for job_id, _ in lines)
    assert (len(claimed), set(claimed.values())) == (JOBS_TO_CLAIM, {1})
    assert {fence for _, fence in lines} == {"1"}
    told = store.newest(EVENTS, JOBS_TO_CLAIM + 1)
    by_model = {job["id"]: job["model"] for job in store.newest(JOBS, JOBS_TO_CLAIM)}
    assert {row["job_id"]: row["message"] for row in told} == by_model
    assert len(told) == JOBS_TO_CLAIM


def test_callers_over_http_meet_no_lock_while_others_claim(database: Path | str, tmp_path: Path) -> None:
    tally = claims.drive(tmp_path, "" if isinstance(database, Path) else database, claimers=2, jobs=60, stops=0, seed=1)
    assert (tally.broken, tally.failures) == ([], [])
    assert tally.answers >= len(("upload", "create", "read", "list", "cancel"))


def test_a_call_that_fails_breaks_a_bar(tmp_path: Path) -> None:
    nobody_there, tally, over = "http://127.0.0.1:9/v1", claims.Tally(), threading.Event()
    caller = threading.Thread(target=claims.call, args=(nobody_there, over, tally))
    caller.start()
    until(lambda: tally.failures)
    over.set()
    caller.join()
    assert claims.Tally({"calls that failed": len(tally.failures), "double claims": 0}).broken == ["calls that failed"]


def test_a_worker_that_was_stopped_past_its_lease_writes_nothing_more(store: Store, database: Path | str) -> None:
    for number in range(STOPS):
        job_id = f"ftjob-{number}"
        store.insert({JOBS: [a_job(job_id)]})
        stale = claimer(database, "stale", "stale")
        assert stale.stdin is not None
        assert stale.stdout is not None
        assert stale.stdout.readline().strip() == "1"
        stale.stdin.write("\n")
        stale.stdin.flush()
        assert stale.stdout.readline().strip() == "taken"
        stale.send_signal(signal.SIGSTOP)
        newer = store.claim("newer", WAITING, store.held())
        assert newer is not None
        stale.send_signal(signal.SIGCONT)
        assert stale.communicate("\n\n")[0].split() == ["refused", "refused"]
        newer.note(event(job_id, 2, "newer"), model="newer")
        job = store.one(JOBS, id=job_id)
        assert job is not None
        assert (job["model"], len(store.newest(EVENTS, 9, job_id=job_id))) == ("newer", 2)
        assert newer.move("cancelled", {"running"}, {}, finished_at=7)
