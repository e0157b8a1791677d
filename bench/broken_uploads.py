"""`python -m bench.broken_uploads [UPLOADS] [SEED]`: break uploads in every way, and look for what is left of them.

An upload is cut at a random byte, reset there, cut in its second file, declared with another sha256, or the service is
killed with all its processes (one in thirty); after each comes a whole one. Ends with 1 if a file is visible that
nobody sent whole, a whole one is missing, there twice or another than was sent, or a temporary file is there after
the last start.
"""

import contextlib
import hashlib
import os
import random
import signal
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.live_service import ENGINE_KEY, LiveService
from tests.tiny_models import write_tiny_gguf

MOST_LINES = 3000
KILL_EVERY = 30
PATIENCE = 60.0
LINE = '{{"messages":[{{"role":"user","content":"q{0}"}},{{"role":"assistant","content":"a{0}"}}]}}\n'
BOUNDARY = b"----broken"
HEAD = (
    "POST /upload_files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    "Content-Type: multipart/form-data; boundary=----broken\r\nContent-Length: {}\r\n\r\n"
)


class Driver:
    """A service with its engine, the contents that were sent whole, and those that were acknowledged."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        self.data, self.temporary = folder / "data", folder / "temporary"
        self.temporary.mkdir()
        settings = {"LOG_LEVEL": "ERROR", "TMPDIR": str(self.temporary)}
        self.service = LiveService(self.data, write_tiny_gguf(folder / "tiny.gguf"), **settings).wait(PATIENCE)
        self.whole: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.ways: Counter[str] = Counter()
        self.faults: list[str] = []

    def content(self) -> bytes:
        """A training file of some length that no other has."""
        first = self.chance.randrange(10**9)
        return "".join(LINE.format(first + line) for line in range(self.chance.randrange(1, MOST_LINES))).encode()

    def break_one(self, number: int) -> None:
        """Break an upload, then send a whole one."""
        ways: list[Callable[[], None]] = [self.cut, self.reset, self.cut_second, self.declare_wrongly]
        way = self.kill if number % KILL_EVERY == KILL_EVERY - 1 else self.chance.choice(ways)
        way()
        self.ways[way.__name__] += 1
        self.send_whole()

    def send_whole(self) -> None:
        """Send a file that is as it was declared."""
        content = self.content()
        digest = hashlib.sha256(content).hexdigest()
        form = {"files": {"files": ("w.jsonl", content)}, "data": {"sha256": digest, "bytes": str(len(content))}}
        self.whole.add(digest)
        [entry] = self.service.call("POST", "/upload_files", **form)
        self.acknowledged[entry["response"]["id"]] = digest
        if entry["size"] != len(content) or entry["response"]["bytes"] != len(content):
            self.faults.append(f"{entry} is not of {len(content)} bytes")

    def cut(self) -> None:
        """Stop sending at a random byte, and wait for what is said about it."""
        self._stop_at(self._form(self.content()))

    def cut_second(self) -> None:
        """The same within the second of two files."""
        first = self.content()
        self._stop_at(self._form(first, self.content()), least=len(first) + 2 * len(BOUNDARY))

    def reset(self) -> None:
        """Break the connection off at a random byte."""
        body = self._form(self.content())
        connection = self._begin(body, self.chance.randrange(len(body)))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def declare_wrongly(self) -> None:
        """Declare another sha256 than the file has."""
        form: dict[str, Any] = {"files": {"files": ("x.jsonl", self.content())}, "data": {"sha256": "0" * 64}}
        reply = requests.post(f"{self.service.url}/upload_files", timeout=60, **form)
        if (reply.status_code, reply.json()["response"]["code"]) != (400, "checksum_mismatch"):
            self.faults.append(f"another sha256 was answered by {reply.text:.200}")

    def kill(self) -> None:
        """Kill every process of the service while it is sent a file, or has just been."""
        content = self.content()
        body = self._form(content)
        self.whole.add(hashlib.sha256(content).hexdigest())  # it may have arrived, unacknowledged
        connection = self._begin(body, self.chance.choice([self.chance.randrange(len(body)), len(body)]))
        time.sleep(self.chance.uniform(0, 0.05))
        family = self.service.family()
        for one in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        self.service.process.wait()
        connection.close()
        self.service.start()
        self.service.wait(PATIENCE)

    def look(self) -> list[str]:
        """Return what is not as it was promised, after one more start."""
        self.service.end()
        self.service.start()
        self.service.wait(PATIENCE)
        ask: dict[str, Any] = {"headers": {"Authorization": f"Bearer {ENGINE_KEY}"}, "timeout": 60}
        url = f"{self.service.engine_url}/files"
        seen = {one["id"]: one for one in requests.get(url, **ask).json()["data"]}
        for file_id, digest in self.acknowledged.items():
            if file_id not in seen:
                self.faults.append(f"{file_id} was acknowledged and is gone")
            elif _sha256(requests.get(f"{url}/{file_id}/content", **ask).content) != digest:
                self.faults.append(f"{file_id} is not what was sent")
        for digest, count in Counter(_sha256((self.data / "files" / one).read_bytes()) for one in seen).items():
            if digest not in self.whole:
                self.faults.append(f"{digest} is visible and was never sent whole")
            if count > 1:
                self.faults.append(f"{digest} was sent once and is visible {count} times")
        stray = {path.name for path in (self.data / "files").iterdir()} - seen.keys()
        self.faults += [f"{name} is on disk, and no file" for name in stray]
        self.faults += [f"{path} is left" for path in (*self.temporary.iterdir(), *self.data.rglob("*.part"))]
        return self.faults

    def _form(self, *contents: bytes) -> bytes:
        head = b'--%b\r\nContent-Disposition: form-data; name="files"; filename="b.jsonl"\r\n\r\n' % BOUNDARY
        return b"".join(head + content + b"\r\n" for content in contents) + b"--%b--\r\n" % BOUNDARY

    def _begin(self, body: bytes, sent: int) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.service.port), 30)
        connection.sendall(HEAD.format(len(body)).encode() + body[:sent])
        return connection

    def _stop_at(self, body: bytes, least: int = 0) -> None:
        with self._begin(body, self.chance.randrange(least, len(body) - 1)) as connection:
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                answer = connection.recv(65536)
        if answer and b" 400 " not in answer.partition(b"\r\n")[0]:
            self.faults.append(f"a cut upload was answered by {answer[:200]!r}")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def measure(uploads: int, seed: int) -> tuple[Counter[str], int, list[str]]:
    """Break `uploads` uploads; return in which ways, how many whole ones there were, and the faults."""
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(Path(folder), random.Random(seed))
        try:
            for number in range(uploads):
                driver.break_one(number)
            return driver.ways, len(driver.acknowledged), driver.look()
        finally:
            driver.service.end()


def main() -> int:
    """Break, look, and print."""
    uploads = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    begun = time.monotonic()
    ways, whole, faults = measure(uploads, seed)
    print(f"{uploads} broken uploads ({dict(ways)}) beside {whole} whole ones: {time.monotonic() - begun:.0f} s")
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
