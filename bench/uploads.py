"""An upload of 512 MB (short: 96): how fast and in how much memory, against LiteLLM and a plain relay.

Run `python -m bench.uploads [--short]`. The file is of clean chats; a stub takes it. With the check on we are held
against LiteLLM, which checks nothing, with the check off against a relay of the bare body under the same server.
"""

import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import servers
from bench.check import write_example
from bench.report import Report, Row, main, versions
from bench.servers import Server

MEGABYTES, SHORT_MEGABYTES, MEGABYTE = 511, 96, 1024 * 1024
ROUNDS = 5
BOUNDARY = "-" * 24 + "d74496d66958873e"  # as long as those of curl and browsers
GROWTH, OF_RELAY = 32.0, 0.6
PIECE = 256 * 1024


def chats(path: Path, megabytes: int) -> None:
    """Clean chats, so many megabytes; every example is another one."""
    chance, number = random.Random(9527), 0
    some = [write_example(chance).encode() for _ in range(2000)]
    with path.open("wb") as file:
        while file.tell() < megabytes * MEGABYTE - 2 * PIECE:
            number += 1
            example = some[number % len(some)]
            file.write(example.replace(b'"content": "', b'"content": "%d ' % number, 1) + b"\n")


def form(path: Path, field: str, **values: str) -> Iterator[bytes]:
    """The file as a multipart form, piece by piece."""
    for name, value in values.items():
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="f.jsonl"\r\n\r\n'.encode()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def send(server: Server, where: str, path: Path, field: str, **values: str) -> float:
    """Upload once; return megabytes a second."""
    size = path.stat().st_size + sum(map(len, form(Path("/dev/null"), field, **values)))
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(size)}
    return path.stat().st_size / MEGABYTE / server.ask("POST", where, form(path, field, **values), headers)


class Watch:
    """The most that a server holds, looked at ten times a second, above what it held at first."""

    def __init__(self, server: Server) -> None:
        self._server, self._over = server, threading.Event()
        self._first = self.most = servers.megabytes(server.family())
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, servers.megabytes(self._server.family()))

    def growth(self) -> float:
        """Stop looking, and return the megabytes."""
        self._over.set()
        self._thread.join()
        return self.most - self._first


def measure(short: bool) -> Report:
    """Send the same file every way in turns."""
    megabytes = SHORT_MEGABYTES if short else MEGABYTES
    speeds, growths = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    with TemporaryDirectory() as folder, servers.stub() as upstream:
        path, url = Path(folder) / "chats.jsonl", f"http://127.0.0.1:{upstream.port}/v1"
        chats(path, megabytes)
        with servers.ours(url) as ours, servers.litellm(url) as litellm, servers.plain(url) as plain:
            ways = {
                "ours, checked": (ours, "/upload_files", "files", {}),
                "ours, unchecked": (ours, "/upload_files", "files", {"validate": "false"}),
                "LiteLLM": (litellm, "/v1/files", "file", {"purpose": "fine-tune"}),
                "plain relay": (plain, "/files", "file", {"purpose": "fine-tune"}),
            }
            small = Path(folder) / "small.jsonl"
            chats(small, 2)
            for server, where, field, values in ways.values():
                send(server, where, small, field, **values)  # what the first call loads is no upload's
            for name, (server, where, field, values) in [*ways.items()] * ROUNDS:
                watch = Watch(server)
                speeds[name].append(send(server, where, path, field, **values))
                growths[name].append(watch.growth())
    how = f"A file of {megabytes} MB of chats, {ROUNDS} rounds in turns, medians; memory is that of the first round."
    return Report(
        "Uploads", how, rows(speeds, growths), versions("flask", "granian", "openai") | servers.peer_versions()
    )


def rows(speeds: dict[str, list[float]], growths: dict[str, list[float]]) -> list[Row]:
    """Speed and memory."""
    speed, grown = (
        {name: median(all_) for name, all_ in speeds.items()},
        {name: one[0] for name, one in growths.items()},
    )
    checked, unchecked = speed["ours, checked"], speed["ours, unchecked"]
    return [
        Row("checked: speed", checked, "MB/s", "LiteLLM", speed["LiteLLM"], at_least=1),
        Row("unchecked: speed", unchecked, "MB/s", "plain relay", speed["plain relay"], at_least=OF_RELAY),
        Row("checked: memory growth", grown["ours, checked"], "MB", at_most=GROWTH),
        Row("checked: memory growth", grown["ours, checked"], "MB", "LiteLLM", grown["LiteLLM"]),
        Row("unchecked: memory growth", grown["ours, unchecked"], "MB", at_most=GROWTH),
    ]


if __name__ == "__main__":
    main(measure)
