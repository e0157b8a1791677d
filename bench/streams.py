"""Five hundred streams of 30 s held at once (short: 8 s): first byte, memory, and `/status` meanwhile; against LiteLLM.

Run `python -m bench.streams [--short]`. A stub sends 20 chunks at even distances. All streams are asked for at once; a
stream is held if all its chunks came. `STREAMS` is set to hold them, as an operator of so many would.
"""

import math
import selectors
import socket
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench import servers
from bench.gateway import body
from bench.load import request
from bench.report import Report, Row, main, versions
from bench.servers import Server

STREAMS, CHUNKS = 500, 20
ROUNDS = 5  # for the time to the first byte; short streams but for the last
FIRST, MEMORY, STATUS = 0.2, 120.0, 0.2
ASKED = body(2)[:-1] + b', "stream": true}'


@dataclass
class Held:
    """What one round of streams showed."""

    whole: int = 0
    firsts: list[float] = field(default_factory=list)  # seconds
    statuses: list[float] = field(default_factory=list)  # seconds
    megabytes: float = 0.0  # above those before

    def worst(self) -> float:
        """The 99th percentile of `/status`."""
        return quantiles(self.statuses, n=100)[98] if len(self.statuses) > 1 else float("inf")


def hold(server: Server, path: str, status: str, seconds: float) -> Held:
    """Hold all streams of so many seconds, and ask for the status all the while."""
    held, before, over = Held(), servers.megabytes(server.family()), threading.Event()
    watcher = threading.Thread(target=watch, args=(f"http://127.0.0.1:{server.port}{status}", held, over))
    selector, asked = selectors.DefaultSelector(), request(path, ASKED)
    for _ in range(STREAMS):
        one = socket.create_connection(("127.0.0.1", server.port), 60)
        selector.register(one, selectors.EVENT_READ, (one, bytearray()))
    watcher.start()
    began = time.perf_counter()
    for key in selector.get_map().values():
        key.data[0].sendall(asked)
    looked = False
    while selector.get_map() and time.perf_counter() - began < 4 * seconds + 60:
        for key, _ in selector.select(0.1):
            take(selector, key, held, began)
        if not looked and time.perf_counter() - began > seconds / 2:
            held.megabytes, looked = servers.megabytes(server.family()) - before, True
    over.set()
    watcher.join()
    for key in [*selector.get_map().values()]:
        key.data[0].close()
    return held


def take(selector: selectors.BaseSelector, key: selectors.SelectorKey, held: Held, began: float) -> None:
    """Take what came on one stream; the first of it is timed, the last closes it."""
    connection, got = key.data
    piece = connection.recv(65536)
    if b"data:" not in got and b"data:" in piece:  # the head may come by itself
        held.firsts.append(time.perf_counter() - began)
    got.extend(piece)
    if not piece or got.endswith(b"0\r\n\r\n"):
        held.whole += got.count(b"word ") == CHUNKS and got.startswith(b"HTTP/1.1 200")
        selector.unregister(connection)
        connection.close()


def watch(url: str, held: Held, over: threading.Event) -> None:
    """Ask for the status twenty times a second; one that does not come, or is no 200, never came."""
    while not over.wait(0.05):
        began, seconds = time.perf_counter(), math.inf
        with suppress(OSError), urllib.request.urlopen(url, timeout=60):
            seconds = time.perf_counter() - began
        held.statuses.append(seconds)


def measure(short: bool) -> Report:
    """Take turns."""
    seconds = 8.0 if short else 30.0
    seen: dict[str, list[Held]] = {"ours": [], "LiteLLM": []}
    with servers.stub(CHUNKS, seconds / CHUNKS) as upstream:
        url = f"http://127.0.0.1:{upstream.port}/v1"
        with servers.ours(url, STREAMS=str(STREAMS + 12)) as ours, servers.litellm(url) as litellm:
            ways = {"ours": (ours, "/chat", "/status")}
            ways["LiteLLM"] = (litellm, "/v1/chat/completions", "/health/liveliness")
            for name, (server, path, status) in [*ways.items()] * ROUNDS:
                seen[name].append(hold(server, path, status, seconds))
    return Report("Streams", how(seen, seconds), rows(seen), versions("granian") | servers.peer_versions())


def how(seen: dict[str, list[Held]], seconds: float) -> str:
    """What was done, and what was held of it."""
    counts = "; ".join(f"{name} held {[one.whole for one in rounds]}" for name, rounds in seen.items())
    return (
        f"{STREAMS} streams of {seconds:g} s at once, {ROUNDS} rounds in turns, medians ({counts}); "
        "memory is what is added at half-time of the first round."
    )


def rows(seen: dict[str, list[Held]]) -> list[Row]:
    """Absolute bars, and LiteLLM beside them."""

    def both(claim: str, unit: str, most: float | None, figures: dict[str, float]) -> list[Row]:
        mine, theirs = figures["ours"], figures["LiteLLM"]
        return [Row(claim, mine, unit, at_most=most), Row(claim, mine, unit, "LiteLLM", theirs)]

    firsts = {name: median(median(one.firsts or [float("inf")]) for one in rounds) for name, rounds in seen.items()}
    worst = {name: median(one.worst() for one in rounds) for name, rounds in seen.items()}
    added = {name: rounds[0].megabytes for name, rounds in seen.items()}
    least = min(one.whole for one in seen["ours"])
    return [
        Row("streams held to their end, fewest of a round", least, "", at_least=STREAMS),
        *both("first byte, p50", "s", FIRST, firsts),
        *both("memory added", "MB", MEMORY, added),
        *both("/status p99 meanwhile", "s", STATUS, worst),
    ]


if __name__ == "__main__":
    main(measure)
