"""Breaks exports at random and reads them: bars 0 unhandled exceptions in 100,000 inputs, each under 2 s per megabyte.

Run `python -m bench.fuzz [SEED FILES AND FOLDERS] [--first N] [--count N]`; without seeds it takes those of
examples/data. Every input is a seed with some bytes flipped, cut, doubled or replaced by what parsers stumble over; one
in a few hundred is a seed, or a part, and then one tiny row again and again. It is checked, mended with masks, and
converted with masks and a part set aside, by the reader of the seed and by whatever recognises it; all accounts
must add up. Each of these is timed by itself, in CPU seconds a megabyte; an input is over the bar if one of them is.
The same number gives the same input. There is no baseline: the bars are absolute.
"""

import argparse
import io
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import dataprep
from dataprep.conversion.convert import convert
from dataprep.conversion.options import Options
from dataprep.conversion.output import write
from dataprep.conversion.speakers import NeedsMe
from dataprep.decoding import encoding_of_bytes
from dataprep.fixing.fix import Unfixable, fix
from dataprep.sources import Source, UnreadableSource, look_at, recognise
from dataprep.tokens import count

ROOT = Path(__file__).resolve().parents[1]
BATCH = 250
MEGABYTE = 1024 * 1024
BAR = 2  # CPU seconds per megabyte, for each of the things done with an input
SHOWN = 20
SMALLEST = 256 * 1024  # bytes, what is looked at to find an encoding; a smaller input has the time of one this large
NASTY = (
    *(b"\x00", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\\", b"\\u", b"\\ud83d", b"\r", b"\n\n", b",,,", b"\t"),
    *(b"{", b"}" * 9, b"[" * 2000, b'{"a":' * 1500, b"NaN", b"-1", b"1e999", b"9" * 400, b"null", b"true", b"<msg>"),
    *("\u2028".encode(), "\u202f".encode(), "\u200e".encode(), "上午".encode(), b"%s%n", b"../../x", b"0000-99-99"),
)

# What files of nothing are made of; half a million such rows are a megabyte.
ROWS = (
    *(b"\n", b"x\n", b",\n", b"{}\n", b"[]\n", b'"\n', b"0\n", b"{\n", b"[\n", b":\n", b"null\n", b"x,y\n", b";\n"),
    *(b"\t\n", b" ", b"\r", b"\xff\n", b"{},", b"[\nx\n", b"Q:\n", b"A:x\n", "问\n".encode(), b"}\n", b"x \n", b'x"\n'),
)
ROWS_EVERY = 400


class Timing(NamedTuple):
    """CPU seconds per megabyte of one thing done with one input."""

    seconds: float
    step: str
    seed: str
    number: int


def main() -> None:
    """Print what broke, how many inputs were over the bar of time, and the slowest of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", type=Path, default=[ROOT / "examples" / "data"])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    options = parser.parse_args()
    seeds = [path for given in options.seeds for path in files_under(given)]
    end = options.first + options.count
    batches = [(seeds, first, min(BATCH, end - first)) for first in range(options.first, end, BATCH)]
    faults: Counter[str] = Counter()
    times: list[Timing] = []
    with Pool(initializer=warm) as workers:
        for found, timed in workers.imap_unordered(run_batch, batches):
            faults.update(found)
            times += timed
    for fault, often in faults.most_common():
        print(f"--- {often} times\n{fault}")
    slow = sorted((one for one in times if one.seconds > BAR), reverse=True)
    print(f"{options.count} inputs from {len(seeds)} seeds, {faults.total()} unhandled exceptions")
    print(f"{len({one.number for one in slow})} inputs over the bar of {BAR} s per MB; the slowest:")
    for one in slow[:SHOWN] or [max(times)]:
        print(f"  {one.seconds:.2f} s per MB: {one.step} {one.seed}, input {one.number}")
    sys.exit(1 if faults or slow else 0)


def files_under(path: Path) -> list[Path]:
    """Return a file, or the files of a folder and all below it, in order."""
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def warm() -> None:
    """Load what the first odd file would load: chardet's tables take most of a second, as do the tokens'."""
    encoding_of_bytes("灯塔看守人".encode("gb18030"))
    count("lamp")


def run_batch(batch: tuple[Sequence[Path], int, int]) -> tuple[Counter[str], list[Timing]]:
    """Try a number of inputs; return the faults, and the times over the bar (of all, if none is, the longest)."""
    seeds, first, count = batch
    faults: Counter[str] = Counter()
    times: list[Timing] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            chance = random.Random(number)
            seed = chance.choice(seeds)
            content = seed.read_bytes()
            broken = repeated(content, chance) if number % ROWS_EVERY == 0 else mutated(content, chance)
            path = Path(folder) / seed.name
            path.write_bytes(broken)
            for name, step in steps(path, broken, original_source(seed)):
                began = time.process_time()
                faults.update(faults_of(step))
                seconds = (time.process_time() - began) / max(len(broken), SMALLEST) * MEGABYTE
                times.append(Timing(seconds, name, seed.name, number))
    return faults, [one for one in times if one.seconds > BAR] or [max(times)]


@cache
def original_source(seed: Path) -> Source | None:
    """Return the reader of the unbroken seed; asked once, since what it imports is not the reader's time."""
    found = recognise(look_at(seed))
    return found[0] if found else None


def steps(path: Path, content: bytes, source: Source | None) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what is done with an input, by name; each is a thing that a user waits for."""
    yield "check", lambda: none_of(dataprep.check(io.BytesIO(content)))
    yield "fix", partial(mend, path)
    yield "convert", partial(make, path, "")
    if source:
        yield f"convert --format {source.name}", partial(make, path, source.name)


def faults_of(step: Callable[[], None]) -> Iterator[str]:
    """Do one thing; yield the traceback of what it raises, if that is no refusal."""
    try:
        step()
    except (UnreadableSource, Unfixable):
        return
    except Exception:  # any exception at all is what this looks for
        yield traceback.format_exc(limit=-3)


def none_of(_: object) -> None:
    """Take what is not looked at."""


def mend(path: Path) -> None:
    """Write a mended and masked copy; its report must add up."""
    target = path.with_name(f"{path.name}.mended")
    try:
        assert fix(path, target, mask=True).adds_up
    finally:
        target.unlink(missing_ok=True)


def make(path: Path, format_name: str) -> None:
    """Convert, as whoever is the most talkative where that is asked for; its account must add up."""
    options = Options(format=format_name, valid_share=0.3, max_tokens=500 * (len(path.name) % 2), context=1)
    try:
        conversion = convert([(path, path.name)], options)
    except NeedsMe as unknown:
        if not unknown.senders:
            return
        conversion = convert([(path, path.name)], replace(options, me=(unknown.senders[0].id,)))
    account = conversion.ledger.total()
    assert account.rows == account.used + account.left.total()
    assert "unaccounted" not in account.left
    for written in write(conversion, path.with_name("made.jsonl")).present():
        written.unlink()


def repeated(content: bytes, chance: random.Random) -> bytes:
    """Return a part of `content`, or nothing of it, and then one row as often as fits into the smallest input."""
    row = chance.choice(ROWS)
    return content[: chance.choice((0, len(content) // 2, len(content)))] + row * (SMALLEST // len(row))


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return `content` with one to eight wounds."""
    broken = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(broken) + 1)
        until = min(len(broken), at + chance.choice((1, 1, 2, 8, 64, 512)))
        match chance.randrange(5):
            case 0:
                broken[at:until] = bytes(chance.randrange(256) for _ in range(until - at))
            case 1:
                del broken[at:until]
            case 2:
                broken[at:at] = broken[at:until]
            case 3:
                broken[at:until] = chance.choice(NASTY)
            case _:
                broken[at:at] = chance.choice(NASTY)
    return bytes(broken[: chance.randrange(len(broken) + 1)] if chance.random() < 0.05 else broken)


if __name__ == "__main__":
    main()
