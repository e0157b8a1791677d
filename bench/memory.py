"""How much memory reading takes at its peak, above that of the loaded program: bars 100 MB flat, 200 MB for bombs.

Run `python -m bench.memory [CASE ...] [--megabytes N] [--messages N ...]`; each case runs in a process of its own. A
file of chats (200 MB) is to be checked, mended and counted in flat memory, what would fill the memory refused. To hold
against a training file remembers that, and a conversion holds all messages: their figures have no bar, they say what it
takes. There is no baseline: the bars are absolute.
"""

import argparse
import io
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

import dataprep
from bench.bombs import MEGABYTE, nested_bomb, padded_workbook, repeated_workbook, wide_workbook, workbook, zip_bomb
from bench.check import write_example
from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.options import Options
from dataprep.conversion.output import write
from dataprep.decoding import encoding_of_bytes
from dataprep.fixing.fix import Unfixable, fix
from dataprep.sources import UnreadableSource
from dataprep.statistics import statistics
from dataprep.tokens import count

FLAT, BOMB = 100, 200
Make = Callable[[Path, int], Path]
Run = Callable[[Path], str]
_HEADER = "id,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime\n"


def chats(folder: Path, megabytes: int) -> Path:
    """Clean chats, as many as there are megabytes."""
    path, chance, size = folder / "chats.jsonl", random.Random(9527), 0
    with path.open("wb") as file:
        while size < megabytes * MEGABYTE:
            size += file.write(write_example(chance).encode() + b"\n")
    return path


def short_chats(folder: Path, megabytes: int) -> Path:
    """As many of the shortest chats, all different."""
    path, number, size = folder / "short.jsonl", 0, 0
    line = '{"messages":[{"role":"user","content":"%d?"},{"role":"assistant","content":"%d"}]}\n'
    with path.open("wb") as file:
        while size < megabytes * MEGABYTE:
            number += 1
            size += file.write((line % (number, number)).encode())
    return path


def one_line(folder: Path, megabytes: int) -> Path:
    """A chat without an end."""
    path = folder / "line.jsonl"
    with path.open("wb") as file:
        file.write(b'{"messages": [{"role": "user", "content": "')
        for _ in range(megabytes):
            file.write(b"tide " * (MEGABYTE // 5))
    return path


def deep(folder: Path, megabytes: int) -> Path:
    """JSON that opens brackets and closes none."""
    path = folder / "deep.json"
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(b'{"messages":[' * (MEGABYTE // 13))
    return path


def full_workbook(folder: Path, _: int) -> Path:
    """A sheet of 50,000 questions, which is none too many."""
    rows = (
        f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>question {row}?</t></is></c>'
        f'<c r="B{row}" t="inlineStr"><is><t>{"answer " * 30}</t></is></c></row>'.encode()
        for row in range(1, 50_001)
    )
    return workbook(folder / "full.xlsx", lambda: rows, lambda: iter(()))


def messages(folder: Path, _: int, number: int) -> Path:
    """A WeChat export of so many messages in which two people answer each other."""
    path = folder / "wxid_mia2026_0_9999999.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEADER)
        for row in range(number):
            text = f"{row} 点的船几点开？等到风停了再说" if row % 2 else f"{row} 点半开，风大的话就晚一点到"
            at = f"2026-{row // 40000 % 12 + 1:02d}-{row // 1440 % 28 + 1:02d} {row // 60 % 24:02d}:{row % 60:02d}:00"
            file.write(f"{row + 1},{10**18 + row},文本,{row % 2},{'我' if row % 2 else 'wxid_mia2026'},,{text},,{at}\n")
    return path


def run_check(path: Path) -> str:
    """As the command does."""
    with path.open("rb") as stream:
        report = dataprep.check(stream, profile="engine")
    return f"{report.examples} examples, {report.errors} errors"


def run_thorough(path: Path) -> str:
    """With the wording of every example."""
    with path.open("rb") as stream:
        report = dataprep.check(stream, profile="engine", thorough=True)
    return f"{report.examples} examples, {report.closely} read closely"


def run_leaks(path: Path) -> str:
    """Hold a file against itself."""
    with path.open("rb") as stream, path.open("rb") as training:
        report = dataprep.check(stream, profile="engine")
        stream.seek(0)
        dataprep.add_leaks(report, training, stream)
    return f"{report.errors} errors"


def run_fix(path: Path, *, mask: bool = False) -> str:
    """Write a mended copy."""
    try:
        report = fix(path, path.with_suffix(".mended"), mask=mask)
    except Unfixable as refusal:
        return str(refusal)
    return f"{report.records} records, {report.written} written"


def run_statistics(path: Path) -> str:
    """Count tokens and the rest."""
    with path.open("rb") as stream:
        return f"{statistics(stream).examples} examples"


def run_convert(path: Path) -> str:
    """Make training data of it, and write them."""
    try:
        conversion = convert(labelled([path]), Options())
        write(conversion, path.with_suffix(".made.jsonl"))
    except UnreadableSource as refusal:
        return str(refusal)
    return f"{len(conversion.training)} examples"


Case = tuple[str, Make, Run, int | None]
CASES: tuple[Case, ...] = (
    ("check, chats", chats, run_check, FLAT),
    ("check --thorough, chats", chats, run_thorough, FLAT),
    ("check --against, chats", chats, run_leaks, None),
    ("fix, chats", chats, run_fix, FLAT),
    ("fix --mask, chats", chats, partial(run_fix, mask=True), FLAT),
    ("stats, chats", chats, run_statistics, FLAT),
    ("check, short chats", short_chats, run_check, FLAT),
    ("fix, short chats", short_chats, run_fix, FLAT),
    ("stats, short chats", short_chats, run_statistics, FLAT),
    ("check, one line", one_line, run_check, BOMB),
    ("fix, one line", one_line, run_fix, BOMB),
    ("stats, one line", one_line, run_statistics, BOMB),
    ("convert, one line", one_line, run_convert, BOMB),
    ("check, deep JSON", deep, run_check, BOMB),
    ("fix, deep JSON", deep, run_fix, BOMB),
    ("stats, deep JSON", deep, run_statistics, BOMB),
    ("convert, deep JSON", deep, run_convert, BOMB),
    ("convert, ZIP bomb", zip_bomb, run_convert, BOMB),
    ("convert, ZIP bomb in a ZIP", nested_bomb, run_convert, BOMB),
    ("convert, XLSX of 1 GB", padded_workbook, run_convert, BOMB),
    ("convert, XLSX too wide", wide_workbook, run_convert, BOMB),
    ("convert, XLSX of one text", repeated_workbook, run_convert, BOMB),
    ("convert, XLSX of 50,000 rows", full_workbook, run_convert, None),
)


def measure(run: Run, path: Path, to: Connection) -> None:
    """In a new process: load what the first file would load, run, and tell the growth in bytes and the outcome."""
    encoding_of_bytes("灯塔看守人".encode("gb18030"))
    count("lamp")
    dataprep.check(io.BytesIO(write_example(random.Random(1)).encode()))
    before = psutil.Process().memory_info().rss
    outcome = run(path)
    to.send((max(0, peak() - before), outcome))


def peak() -> int:
    """The most bytes this process has held; Linux would count what its parent held when it was started as well."""
    status = Path("/proc/self/status")
    if status.is_file() and (held := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(held[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def growth(run: Run, path: Path) -> tuple[float, str]:
    """Run in a fresh process; return its growth in megabytes and what came of it."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(run, path, theirs))
    process.start()
    theirs.close()
    try:
        grown, outcome = ours.recv()
    except EOFError:
        grown, outcome = float("inf"), "died"
    process.join()
    return grown / MEGABYTE, outcome


def main() -> None:
    """Print a row a case; exit 1 if one is above its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="those whose name holds one of these; all without")
    parser.add_argument("--megabytes", type=int, default=200, help="size of the files that are to be read flatly")
    parser.add_argument("--messages", type=int, nargs="*", default=[100_000, 1_000_000], help="how many to convert")
    options = parser.parse_args()
    converted: list[Case] = [
        (f"convert, {number:,} messages", partial(messages, number=number), run_convert, None)
        for number in options.messages
    ]
    over = 0
    print(f"{'case':32}{'MB above start':>15}{'bar':>6}{'s':>8}  outcome")
    for name, make, run, bar in (*CASES, *converted):
        if options.cases and not any(word in name for word in options.cases):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), options.megabytes)
            began = time.perf_counter()
            grown, outcome = growth(run, path)
        over += bar is not None and grown > bar
        seconds = time.perf_counter() - began
        print(f"{name:32}{grown:15.0f}{bar or '-':>6}{seconds:8.1f}  {outcome:.90}", flush=True)
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main()
