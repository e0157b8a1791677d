"""`python -m bench.slow_clients [STREAMS] [SLOW] [SECONDS]`: is `/status` quick while clients hold all they can?

STREAMS answers are streamed whose upstream has gone silent, as many as there may be; SLOW clients send a head or a body
a byte a second, or stop, and come again when they are sent away. Ends with 1 if 99 % of `/status` took over 200 ms, one
stream more was anything but 503 `too_many_streams`, an ordinary call failed, or a slow client held on too long.
"""

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.service import Service

LONGEST_STATUS = 0.2
PATIENCE = 20
# Beyond it; a body is looked at four times a second, on a machine that has other things to do.
LATE = 5
BETWEEN = 0.05
HEAD = "{} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
QUESTION = json.dumps({"text": "Hi", "stream": True}).encode()
ORDINARY = b'{"fine_tuning_job_id": "ftjob-none"}'
# What slow clients have sent before they go on by a byte a second, and whether they do; a head's end is the launcher's.
SLOW = {
    "head": (b"POST /chat HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", True),
    "body": (HEAD.format("POST /chat").encode() + b"Content-Length: 100000\r\n\r\n{", True),
    "chunks": (HEAD.format("POST /chat").encode() + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n{", True),
    "silence": (HEAD.format("POST /retrieve").encode() + b"Content-Length: 9999\r\n\r\n{", False),
}


@dataclass
class Found:
    """What was measured: seconds of `/status`, statuses of ordinary calls, what became of slow clients and streams."""

    statuses: list[float] = field(default_factory=list)
    ordinary: Counter[int] = field(default_factory=Counter)
    sent_away: Counter[str] = field(default_factory=Counter)
    held: list[float] = field(default_factory=list)
    refused: str = ""
    patience: int = PATIENCE

    @property
    def p99(self) -> float:
        """Seconds that 99 % of `/status` took at most."""
        return statistics.quantiles(self.statuses, n=100)[-1]

    def faults(self) -> list[str]:
        """What was promised and not kept."""
        longest = max(self.held, default=0)
        promises = {
            f"/status took {self.p99:.3f} s": self.p99 <= LONGEST_STATUS,
            f"one more stream was {self.refused}": self.refused == "503 too_many_streams 1",
            f"ordinary calls were {dict(self.ordinary)}": set(self.ordinary) == {404},
            f"a body was waited for {longest:.1f} s": longest < self.patience + LATE,
        }
        return [fault for fault, kept in promises.items() if not kept]


class Clients:
    """All clients of one service."""

    def __init__(self, port: int, patience: int) -> None:
        self._port = port
        self.found = Found(patience=patience)

    async def run(self, streams: int, slow: int, seconds: float) -> Found:
        """Hold `streams` and `slow` clients for `seconds`, and ask for `/status` meanwhile."""
        held = [await self._stream() for _ in range(streams)]
        assert all(answer.startswith("200") for answer, _ in held), Counter(answer for answer, _ in held)
        self.found.refused = (await self._stream())[0]
        kinds = [*SLOW]
        crowd = [asyncio.create_task(self._be_slow(kinds[place % len(kinds)])) for place in range(slow)]
        await asyncio.sleep(1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.monotonic()
            assert (await self._ask(HEAD.format("GET /status").encode() + b"\r\n"))[0].startswith("200")
            self.found.statuses.append(time.monotonic() - begun)
            if len(self.found.statuses) % 10 == 0:
                await self._ask_ordinarily()
            await asyncio.sleep(BETWEEN)
        for one in crowd:
            one.cancel()
        for _, writer in held:
            writer.close()
        return self.found

    async def _ask_ordinarily(self) -> None:
        answer, _ = await self._ask(_post("/retrieve", ORDINARY))
        self.found.ordinary[int(answer.split()[0])] += 1

    async def _stream(self) -> tuple[str, asyncio.StreamWriter]:
        return await self._ask(_post("/chat", QUESTION), hold=True)

    async def _ask(self, request: bytes, hold: bool = False) -> tuple[str, asyncio.StreamWriter]:
        """Return the answer's status, and of a failure its code and Retry-After, and the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        status = head.split()[1]
        if status != "200" and "content-length" in fields:
            told = json.loads(await reader.readexactly(int(fields["content-length"])))["response"]
            status = f"{status} {told['code']} {fields.get('retry-after', '')}".strip()
        if not hold:
            writer.close()
        return status, writer

    async def _be_slow(self, kind: str) -> None:
        while True:
            begun = time.monotonic()
            ended = await self._send_slowly(*SLOW[kind])
            self.found.sent_away[f"{kind} {ended}"] += 1
            if kind != "head":
                self.found.held.append(time.monotonic() - begun)

    async def _send_slowly(self, first: bytes, goes_on: bool) -> str:
        """Send a byte a second until the other side has had enough; return its status."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(first)
            while not reader.at_eof():
                with suppress(TimeoutError):
                    return (await asyncio.wait_for(reader.readline(), 1)).decode()[9:12] or "closed"
                writer.write(b"a" if goes_on else b"")
        except OSError:
            return "closed"
        finally:
            writer.close()
        return "closed"


def _post(path: str, body: bytes) -> bytes:
    return HEAD.format(f"POST {path}").encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def measure(streams: int, slow: int, seconds: float, patience: int = PATIENCE) -> Found:
    """Start a service whose upstream falls silent after its first event, and hold on to it."""
    upstream = FakeOpenAI()
    upstream.gap = seconds + 60
    settings = {"STREAMS": str(streams), "BODY_TIMEOUT": str(patience), "UPSTREAM_TIMEOUT": "600"}
    service = Service(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY="sk-x", **settings).wait()
    try:
        return asyncio.run(Clients(service.port, patience).run(streams, slow, seconds))
    finally:
        service.end()
        upstream.close()


def main() -> int:
    """Measure and print."""
    given = [int(argument) for argument in sys.argv[1:]]
    streams, slow, seconds = [*given, *(64, 50, 60)[len(given) :]]
    found = measure(streams, slow, seconds)
    middle, slowest = statistics.median(found.statuses), max(found.statuses)
    print(f"{streams} silent streams, {slow} slow clients, {seconds} s")
    print(f"/status {len(found.statuses)}: p50 {middle:.4f}, p99 {found.p99:.4f}, slowest {slowest:.4f} s")
    print(f"one stream more: {found.refused}; ordinary calls: {dict(found.ordinary)}")
    print(f"slow clients: {dict(found.sent_away)}; longest wait for a body {max(found.held, default=0):.1f} s")
    for fault in found.faults():
        print(f"BROKEN: {fault}")
    return 1 if found.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
