"""`python -m bench.bombard [BOMB ...]`: what the live service does with files that are meant to burst it.

Each bomb is sent to one call of a service of its own; bars: an answer of 4xx within 2 s of its last byte, less than 200
MB more memory than before, and of the disk, beside the upload's own, no more than a copy of it. Prints a row a bomb;
exit code 1 if one is over a bar. There is no baseline: the bars are absolute.
"""

import functools
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from bench import bombs
from bench.bombs import MEGABYTE
from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.service import Service

SECONDS, MEMORY = 2.0, 200
Make = Callable[[Path, int], Path]
BOMBS: tuple[tuple[str, str, Make], ...] = (
    ("ZIP of 2 GB", "/datasets/convert", bombs.zip_bomb),
    ("ZIP of ZIPs", "/datasets/convert", bombs.nested_bomb),
    ("ZIP of 100,000 members", "/datasets/convert", bombs.crowded_zip),
    ("XLSX of 1 GB", "/datasets/convert", bombs.padded_workbook),
    ("XLSX too wide", "/datasets/convert", bombs.wide_workbook),
    ("XLSX of one text", "/datasets/convert", bombs.repeated_workbook),
    ("XLSX of 3 million texts", "/datasets/convert", bombs.many_strings),
    ("XLSX, deep", "/datasets/convert", bombs.deep_workbook),
    ("XLSX that laughs", "/datasets/convert", bombs.laughing_workbook),
    ("DOCX of 1 GB", "/datasets/convert", bombs.document),
    ("gzip of 1 GB", "/upload_files", bombs.gzipped),
    ("10 million tiny lines", "/upload_files", bombs.tiny_lines),
    ("10 million empty lines", "/upload_files", bombs.empty_lines),
    ("10 million empty objects", "/upload_files", bombs.empty_objects),
    ("10 million tiny lines", "/datasets/convert", bombs.tiny_lines),
    ("a line of 400 MB", "/upload_files", bombs.one_line),
    ("a line of 400 MB", "/datasets/convert", bombs.one_line),
    ("a number of 5 MB", "/upload_files", bombs.one_number),
    ("13 million open lists", "/datasets/convert", bombs.open_lists),
    ("2 million open objects", "/datasets/convert", bombs.open_objects),
    ("10 million zeros", "/datasets/convert", bombs.many_zeros),
    ("10 million columns", "/datasets/convert", bombs.many_columns),
    ("a quote that never ends", "/datasets/convert", bombs.open_quote),
    ("4 million open tags", "/datasets/convert", bombs.open_tags),
    ("900 files of 450 KB", "/upload_files", bombs.many_parts),
    ("3 million escapes", "/upload_files", bombs.escapes),
)


def held(process: int) -> int:
    """The most bytes a process has held since `forget`."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found, "Linux alone tells it"
    return int(found[1]) * 1024


def forget(process: int) -> int:
    """Have the system forget what a process held at its peak, and return what it holds."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    return held(process)


class Disk:
    """Watches how much of the disk of temporary files goes meanwhile."""

    def __init__(self) -> None:
        self._free = self._least = shutil.disk_usage(tempfile.gettempdir()).free
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self._least = min(self._least, shutil.disk_usage(tempfile.gettempdir()).free)

    def __enter__(self) -> "Disk":
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    @property
    def used(self) -> int:
        """The most bytes that were used."""
        return self._free - self._least


class Sent:
    """The form that carries a file, piece by piece; `ended` is when its last piece was taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
        self._tail = b"\r\n--b--\r\n"
        self.size = len(self._head) + path.stat().st_size + len(self._tail)
        self.ended = 0.0

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        with self._path.open("rb") as file:
            yield from iter(functools.partial(file.read, MEGABYTE), b"")
        yield self._tail
        self.ended = time.perf_counter()


def drop(service: Service, call: str, path: Path) -> tuple[float, int, int, requests.Response]:
    """Send one bomb; return seconds, bytes of memory, bytes of disk beside the upload's own, and the answer."""
    [worker] = service.family()[1:]
    before, sent = forget(worker.pid), Sent(path)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with Disk() as disk:
        reply = requests.post(service.url + call, data=sent, headers=headers, timeout=120)
        took = time.perf_counter() - (sent.ended or time.perf_counter())
    return took, held(worker.pid) - before, disk.used - sent.size, reply


def main(wanted: list[str], seconds: float = SECONDS) -> int:
    """Drop them all, or those named, print a row each, and return how many were over a bar, at most 1."""
    upstream, over = FakeOpenAI(), 0
    print(f"{'bomb':28}{'sent to':20}{'MB':>6}{'s':>7}{'MB RAM':>8}{'MB disk':>9}  answer")
    for name, call, make in BOMBS:
        if wanted and not any(word in name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), 200)
            service = Service(OPENAI_BASE_URL=upstream.base_url, DATA_DIR=folder).wait()
            try:
                requests.post(f"{service.url}{call}", files={"files": ("a.jsonl", b"{}\n")}, timeout=60)  # loads all
                took, memory, disk, reply = drop(service, call, path)
            finally:
                service.end()
            size = path.stat().st_size
        told = reply.json()["response"]
        large = memory > MEMORY * MEGABYTE or disk > size + 50 * MEGABYTE
        wrong = took > seconds or large or not 400 <= reply.status_code < 500
        over += wrong
        figures = f"{size / MEGABYTE:6.1f}{took:7.2f}{memory / MEGABYTE:8.0f}{max(0, disk) / MEGABYTE:9.0f}"
        print(
            f"{name:28}{call:20}{figures}  {'OVER ' if wrong else ''}{reply.status_code} {told['message']:.70}",
            flush=True,
        )
    upstream.close()
    return min(over, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
