"""`/chat` before a stub upstream against LiteLLM's proxy, Portkey's gateway, and plain Flask with the SDK.

Run `python -m bench.gateway [--short]`. All run at once and take turns, each with a core of its own, while the load and
the stub have another (Linux, two cores or more). Every answer is read and looked at. `elsewhere` is the service with an
upstream that is not on this machine's plain http, where it asks through the HTTP library as it does OpenAI.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import servers
from bench.load import drive, request
from bench.report import Report, Row, figure, main, middle, versions
from bench.servers import Server
from bench.stub import ANSWER

CONNECTIONS = (1, 32, 256)
TURNS = 32  # connections at which processor time is told
LONG = 100  # messages of a long chat
EXPECTED = ANSWER[:40].encode()


@dataclass(frozen=True)
class Way:
    """One gateway, and what it is asked: a short chat and a long one."""

    server: Server
    short: bytes
    long: bytes


@dataclass(frozen=True)
class Cell:
    """One load on one gateway."""

    rate: float
    cpu: float  # microseconds a right answer
    wrong: int


def body(messages: int) -> bytes:
    """A chat of so many messages about 60 bytes long."""
    said = ({"role": "user", "content": f"What did the keeper of the lamp write in line {n}?"} for n in range(messages))
    return json.dumps({"model": "m", "messages": [*said]}).encode()


def way(server: Server, path: str, **headers: str) -> Way:
    """How to ask a gateway."""
    return Way(server, *(request(path, body(count), headers) for count in (2, LONG)))


@contextmanager
def ways() -> Iterator[dict[str, Way]]:
    """Start all; each gateway on the first core, the stub and this process on the second."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with ExitStack() as stack:
        enter = stack.enter_context
        upstream = enter(servers.stub())
        url = f"http://127.0.0.1:{upstream.port}/v1"
        far = url.replace("//", "//user:password@")  # an address with a password is never asked the near way
        told = {"x-portkey-provider": "openai", "x-portkey-custom-host": url, "Authorization": "Bearer none"}
        found = {
            "ours": way(enter(servers.ours(url)), "/chat"),
            "ours, elsewhere": way(enter(servers.ours(far)), "/chat"),
            "Flask + SDK": way(enter(servers.plain(url)), "/chat"),
            "LiteLLM": way(enter(servers.litellm(url)), "/v1/chat/completions"),
            "Portkey": way(enter(servers.portkey()), "/v1/chat/completions", **told),
        }
        if len(cores) > 1:
            for one in found.values():
                pin(one.server, cores[0])
            pin(upstream, cores[1])
            os.sched_setaffinity(0, {cores[1]})
            stack.callback(os.sched_setaffinity, 0, {*cores})
        yield {"stub alone": way(upstream, "/v1/chat/completions"), **found}


def pin(server: Server, core: int) -> None:
    """Keep all threads of a process tree on one core."""
    for process in server.family():
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {core})


def cell(server: Server, asked: bytes, connections: int, seconds: float) -> Cell:
    """Load a gateway, and tell the answers a second and what each cost it."""
    family = server.family()
    before = servers.cpu_seconds(family)
    load = drive(server.port, asked, EXPECTED, connections, seconds)
    spent = servers.cpu_seconds(family) - before
    return Cell(load.rate, 1e6 * spent / max(1, len(load.took)), load.wrong)


def turn(found: dict[str, Way], seconds: float) -> Iterator[tuple[tuple[str, str], Cell]]:
    """Put every load on every gateway, one after the other."""
    for name, one in found.items():
        for connections in CONNECTIONS:
            yield (name, str(connections)), cell(one.server, one.short, connections, seconds)
        yield (name, "long"), cell(one.server, one.long, TURNS, seconds)


def measure(short: bool) -> Report:
    """Take turns over all gateways; the rows are medians over the rounds."""
    rounds, seconds = 5, 0.7 if short else 3.0
    seen: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    with ways() as found:
        for one in found.values():
            cell(one.server, one.short, TURNS, 1.0)
        for _ in range(rounds):
            for key, told in turn(found, seconds):
                seen[key].append(told)
    alone = figure(middle([one.rate for one in seen["stub alone", str(TURNS)]]))
    how = (
        f"Answers from a stub upstream (alone it gives {alone} a second), {rounds} rounds of {seconds:g} s "
        f"in turns, medians; one process each on one core, {wrong(seen)}. "
        "Elsewhere: as to an upstream that is not on this machine."
    )
    return Report("Gateway", how, rows(seen), versions("flask", "openai", "granian") | servers.peer_versions())


def wrong(seen: dict[tuple[str, str], list[Cell]]) -> str:
    """Whose answers were wrong, and how many."""
    counts = Counter[str]()
    for (name, _), cells in seen.items():
        counts[name] += sum(one.wrong for one in cells)
    told = ", ".join(f"{count} wrong answers of {name}" for name, count in counts.items() if count)
    return told or "no answer wrong"


def rows(seen: dict[tuple[str, str], list[Cell]]) -> list[Row]:
    """A row for each load and peer, then what an answer costs."""

    def rate(name: str, load: str) -> float:
        return middle([one.rate for one in seen[name, load]]) or 0.0

    def cost(name: str, load: str) -> float:
        return middle([one.cpu for one in seen[name, load]]) or 0.0

    bars = {"LiteLLM": 7.0, "Flask + SDK": 1.3, "Portkey": None}
    told = [
        Row(
            f"{who}: answers/s, {many} connection{'s' * (many > 1)}",
            rate(who, str(many)),
            "/s",
            peer,
            rate(peer, str(many)),
            bar,
        )
        for who in ("ours", "ours, elsewhere")
        for many in CONNECTIONS
        for peer, bar in bars.items()
    ]
    for who in ("ours", "ours, elsewhere"):
        for peer, most in {"Flask + SDK": 0.75, "LiteLLM": None, "Portkey": None}.items():
            for chat, load in {"2 messages": str(TURNS), f"{LONG} messages": "long"}.items():
                claim = f"{who}: CPU an answer, {chat}"
                told.append(Row(claim, cost(who, load), "us", peer, cost(peer, load), at_most=most))
        own = f"{who} with 2 messages"
        long, brief = cost(who, "long"), cost(who, str(TURNS))
        told.append(Row(f"{who}: CPU an answer, {LONG} messages", long, "us", own, brief, at_most=1.2))
    return told


if __name__ == "__main__":
    main(measure)
