"""`python -m bench.histories [RUNS] [SEED] [STEPS]`: random histories of both servers, held against a small model.

Each history is a new caller's: uploads, creates (some under an Idempotency-Key, some again), cancels, looks, deletions,
and the kill (SIGKILL) of one server or both, between two calls or amid one. After each step every job and every file
that the servers tell of is compared with `bench.reference`; nothing that was acknowledged may be lost, nothing there
twice. Hypothesis draws the histories and shortens one that fails. Nobody trains: the engine's worker is held.
"""

import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import requests
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bench.held import ENGINE_KEY, Product
from bench.reference import DONE, Reference, Wish

RUNS, STEPS = 200, 40
LINE = '{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"%s"}]}\n'
# Kills of one history: each costs the start of a server.
MOST_KILLS = 2
KEYS = ("", "", "red", "blue")
# Seconds: nothing is promised here of time, and whoever stops waiting does not know what becomes of the call.
PATIENCE = 600
# Milliseconds from a call's start to a kill amid it; a create takes five on a quiet machine.
MOMENTS = st.integers(0, 15)
VICTIMS = st.sampled_from(("engine", "service", "both"))
PICK = st.integers(0, 99)


class Histories(RuleBasedStateMachine):
    """One caller with a key of their own; `product` outlives them."""

    product: ClassVar[Product]
    count: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        token, self.key = self.product.keys.make("caller", frozenset({"read", "train"}))
        self.token, self.reference, self.kills, self.made = token, Reference(), 0, 0
        self.wishes: list[Wish] = []
        self.story: list[str] = []

    @rule()
    def upload(self) -> None:
        name, content = self.new_file()
        self.acknowledge(self.send_file(name, content), name, content)

    @rule(pick=PICK, key=st.sampled_from(KEYS))
    def create(self, pick: int, key: str) -> None:
        self.wish_for(self.new_wish(pick, key))

    @precondition(lambda self: self.wishes)
    @rule(pick=PICK)
    def repeat(self, pick: int) -> None:
        self.wish_for(self.wishes[pick % len(self.wishes)])

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        job_id = self.some(self.reference.jobs, pick, "ftjob-nobody")
        self.expect(self.ask("POST", f"/jobs/{job_id}/cancel"), self.reference.cancel(job_id))

    @rule(pick=PICK)
    def retrieve(self, pick: int) -> None:
        job_id = self.some(self.reference.jobs, pick, "ftjob-nobody")
        reply = self.ask("POST", "/retrieve", json={"fine_tuning_job_id": job_id})
        self.expect(reply, self.reference.retrieve(job_id))
        if reply.ok:
            assert reply.json()["response"]["status"] == self.reference.jobs[job_id].status

    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        file_id = self.some(self.reference.files, pick, "file-nobody")
        self.expect(self.ask_engine("DELETE", f"/files/{file_id}"), self.reference.delete(file_id))

    @precondition(lambda self: self.kills < MOST_KILLS)
    @rule(victim=VICTIMS)
    def kill(self, victim: str) -> None:
        self.kills += 1
        self.story.append(f"{victim} killed")
        self.product.kill(victim)
        self.product.revive(victim)

    @precondition(lambda self: self.kills < MOST_KILLS)
    @rule(victim=VICTIMS, moment=MOMENTS)
    def kill_amid_an_upload(self, victim: str, moment: int) -> None:
        name, content = self.new_file()
        reply = self.interrupted(lambda: self.send_file(name, content), victim, moment)
        if reply is not None and reply.ok:
            self.acknowledge(reply, name, content)
            return
        found = [file_id for file_id, known in self.files_there().items() if known == name]
        assert len(found) <= 1, "one upload, two files"
        for file_id in found:  # it was kept, but its caller was not told
            self.reference.uploaded(file_id, name, content)

    @precondition(lambda self: self.kills < MOST_KILLS)
    @rule(victim=VICTIMS, moment=MOMENTS, pick=PICK, key=st.sampled_from(KEYS))
    def kill_amid_a_create(self, victim: str, moment: int, pick: int, key: str) -> None:
        wish = self.new_wish(pick, key)
        expected = self.reference.create(wish)
        reply = self.interrupted(lambda: self.send_wish(wish), victim, moment)
        if reply is not None and reply.status_code < 500:
            self.settle(wish, reply, expected)
            return
        found = [row[0] for row in self.jobs_there() if row[1] == wish.mark]
        assert len(found) <= (expected == DONE), "a job that nobody should have started, or two"
        for job_id in found:
            self.reference.created(wish, job_id)

    @invariant()
    def they_agree(self) -> None:
        """What the servers tell is what the model has: no job and no file more or less, in the same order."""
        self.compare(self.jobs_there(), self.reference.listing())
        self.compare(self.files_there(), self.reference.there())

    def teardown(self) -> None:
        """Look at the bytes of every file, at the end of a history."""
        for file_id in self.reference.there():
            content = self.ask_engine("GET", f"/files/{file_id}/content").content
            assert content == self.reference.files[file_id].content
        self.count["histories"] = self.count.get("histories", 0) + 1

    def compare(self, told: Any, expected: Any) -> None:
        """Hold one against the other; where kills fall differs each time, so what happened is told at once."""
        assert told == expected, "\n".join((*self.story, f"told: {told}", f"not:  {expected}"))

    def wish_for(self, wish: Wish) -> None:
        """Ask for a job, and hold the answer against the model's."""
        expected = self.reference.create(wish)
        self.settle(wish, self.send_wish(wish), expected)

    def settle(self, wish: Wish, reply: requests.Response, expected: int) -> None:
        """Hold a create's answer against what was expected of it."""
        self.expect(reply, expected)
        if reply.ok:
            replayed = self.reference.created(wish, reply.json()["response"]["id"])
            assert (reply.headers.get("Idempotent-Replayed") == "true") is replayed

    def acknowledge(self, reply: requests.Response, name: str, content: bytes) -> None:
        """Note an upload that was answered."""
        self.expect(reply, DONE)
        [entry] = reply.json()["response"]
        assert (entry["status"], entry["size"]) == ("uploaded", len(content))
        self.reference.uploaded(entry["response"]["id"], name, content)

    def interrupted(self, call: Callable[[], requests.Response], victim: str, moment: int) -> requests.Response | None:
        """Make a call, kill amid it, and return its answer, None if there was none."""
        self.kills += 1
        replies: list[requests.Response | None] = []

        def make() -> None:
            try:
                replies.append(call())
            except requests.RequestException:
                replies.append(None)

        calling = threading.Thread(target=make)
        calling.start()
        time.sleep(moment / 1000)
        self.product.kill(victim)
        self.story.append(f"{victim} killed after {moment} ms")
        self.product.revive(victim)
        calling.join()
        return replies[0]

    def new_file(self) -> tuple[str, bytes]:
        """A file's name and bytes, like no other's."""
        self.made += 1
        return f"{self.made}.jsonl", (LINE % f"{self.key.id} {self.made}").encode() * self.made

    def new_wish(self, pick: int, key: str) -> Wish:
        """A job like no other, of a file that is or was there, or of nobody's."""
        self.made += 1
        wish = Wish(str(self.made), self.some(self.reference.files, pick, "file-nobody"), key)
        self.wishes.append(wish)
        return wish

    def some(self, known: dict[str, Any], pick: int, nobody: str) -> str:
        """One of the ids, or nobody's."""
        return [*known, nobody][pick % (len(known) + 1)]

    def send_file(self, name: str, content: bytes) -> requests.Response:
        """Upload it."""
        return self.ask("POST", "/upload_files", files={"files": (name, content)})

    def send_wish(self, wish: Wish) -> requests.Response:
        """Ask for it."""
        body = {"training_file": wish.file_id, "metadata": {"mark": wish.mark}, "suffix": "same"}
        return self.ask("POST", "/fine_tuning", json=body, headers={"Idempotency-Key": wish.key} if wish.key else {})

    def jobs_there(self) -> list[tuple[str, str, str, str]]:
        """Every job of this caller's as the service tells it, newest first."""
        page = self.ask("GET", "/jobs?limit=100").json()["response"]
        assert not page["has_more"]
        return [(job["id"], job["metadata"]["mark"], job["training_file"], job["status"]) for job in page["data"]]

    def files_there(self) -> dict[str, str]:
        """Every file of this caller's as the engine has it: their names there begin with the caller's id."""
        rows = self.ask_engine("GET", "/files?limit=100").json()["data"]
        mine = [row for row in rows if row["filename"].startswith(f"{self.key.id}.")]
        return {row["id"]: row["filename"].partition(".")[2] for row in reversed(mine)}

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the service as this caller."""
        self.count["calls"] = self.count.get("calls", 0) + 1
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        reply = requests.request(method, self.product.service.url + path, headers=headers, timeout=PATIENCE, **options)
        if method != "GET":
            self.story.append(f"{method} {path} {options}: {reply.status_code} {reply.text:.300}")
        return reply

    def ask_engine(self, method: str, path: str) -> requests.Response:
        """Call the engine, which knows no callers."""
        headers = {"Authorization": f"Bearer {ENGINE_KEY}"}
        return requests.request(method, self.product.engine.url + path, headers=headers, timeout=PATIENCE)

    def expect(self, reply: requests.Response, status: int) -> None:
        """Hold a status against the model's; of what is wrong the service tells more than the model knows."""
        assert reply.status_code == status, (reply.status_code, reply.text[:300])


def run(runs: int, number: int, steps: int, folder: Path) -> dict[str, int]:
    """Run so many histories, drawn from the seed `number`; raise if one fails; return what was counted."""
    product = Product(folder)
    machine: Any = type("Drawn", (Histories,), {"product": product, "count": {}})
    wanted = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        product.wait()
        run_state_machine_as_test(seed(number)(machine), settings=wanted)
    finally:
        product.end()
    return {**machine.count, "kills": product.kills}


def main() -> int:
    """Run them, print the figures, and return 0 if all agreed."""
    runs, number, steps = (
        int(sys.argv[place]) if len(sys.argv) > place else default
        for place, default in ((1, RUNS), (2, random.randrange(2**32)), (3, STEPS))
    )
    print(f"seed {number}, {runs} histories of at most {steps} steps", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counted = run(runs, number, steps, Path(folder))
        said = Path(folder, "log.txt").read_text("utf-8")
    print(json.dumps(counted), f"{time.monotonic() - began:.0f} s")
    return int("Traceback" in said)


if __name__ == "__main__":
    sys.exit(main())
