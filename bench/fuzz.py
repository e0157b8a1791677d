"""Breaks exports at random and reads them: bars 0 unhandled exceptions in 100,000 inputs, each under 2 s per megabyte.

Run `python -m bench.fuzz [SEED FILES AND FOLDERS] [--count N]`; without seeds it takes those of examples/data. Every
input is a seed with some bytes flipped, cut, doubled or replaced by what parsers stumble over. It is read by whatever
recognises it and by the reader of the unbroken seed, and checked as training data. The same number gives the same
inputs. There is no baseline: the bars are absolute.
"""

import argparse
import io
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import dataprep
from dataprep.decoding import encoding_of_bytes
from dataprep.sources import BY_NAME, Source, UnreadableSource, look_at, recognise

ROOT = Path(__file__).resolve().parents[1]
BATCH = 250
MEGABYTE = 1024 * 1024
SMALLEST = 256 * 1024  # bytes, what is looked at to find an encoding; a smaller input has the time of one this large
NASTY = (
    *(b"\x00", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\\", b"\\u", b"\\ud83d", b"\r", b"\n\n", b",,,", b"\t"),
    *(b"{", b"}" * 9, b"[" * 2000, b'{"a":' * 1500, b"NaN", b"-1", b"1e999", b"9" * 400, b"null", b"true", b"<msg>"),
    *("\u2028".encode(), "\u202f".encode(), "\u200e".encode(), "上午".encode(), b"%s%n", b"../../x", b"0000-99-99"),
)


def main() -> None:
    """Print what broke, and how slow the slowest input was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", type=Path, default=[ROOT / "examples" / "data"])
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    seeds = [path for given in options.seeds for path in files_under(given)]
    batches = [(seeds, first, min(BATCH, options.count - first)) for first in range(0, options.count, BATCH)]
    faults: Counter[str] = Counter()
    slowest, slowest_seed = 0.0, ""
    with Pool(initializer=warm) as workers:
        for found, seconds, seed in workers.imap_unordered(run_batch, batches):
            faults.update(found)
            slowest, slowest_seed = max((slowest, slowest_seed), (seconds, seed))
    for fault, times in faults.most_common():
        print(f"--- {times} times\n{fault}")
    print(f"{options.count} inputs from {len(seeds)} seeds, {faults.total()} unhandled exceptions")
    print(f"slowest: {slowest:.2f} s per MB ({slowest_seed})")
    sys.exit(1 if faults or slowest > 2 else 0)


def files_under(path: Path) -> list[Path]:
    """Return a file, or the files of a folder and all below it, in order."""
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def warm() -> None:
    """Load what the first odd file would load: chardet's tables take most of a second."""
    encoding_of_bytes("灯塔看守人".encode("gb18030"))


def run_batch(batch: tuple[Sequence[Path], int, int]) -> tuple[Counter[str], float, str]:
    """Try a number of inputs; return the faults, and the slowest input's seconds per megabyte with its seed."""
    seeds, first, count = batch
    faults: Counter[str] = Counter()
    slowest, slowest_seed = 0.0, ""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            chance = random.Random(number)
            seed = chance.choice(seeds)
            broken = mutated(seed.read_bytes(), chance)
            path = Path(folder) / seed.name
            path.write_bytes(broken)
            source = original_source(seed)
            began = time.perf_counter()
            faults.update(faults_of(path, broken, source))
            seconds = (time.perf_counter() - began) / max(len(broken), SMALLEST) * MEGABYTE
            slowest, slowest_seed = max((slowest, slowest_seed), (seconds, f"{seed.name}, input {number}"))
    return faults, slowest, slowest_seed


@cache
def original_source(seed: Path) -> Source | None:
    """Return the reader of the unbroken seed; asked once, since what it imports is not the reader's time."""
    found = recognise(look_at(seed))
    return found[0] if found else None


def faults_of(path: Path, content: bytes, source: Source | None) -> Iterator[str]:
    """Read and check one input; yield the traceback of every exception that is no UnreadableSource."""
    head = look_at(path)
    try:
        recognised = recognise(head)
    except Exception:  # any exception at all is what this looks for
        yield traceback.format_exc(limit=-3)
        return
    names = {found.name for found in (source, recognised[0] if recognised else None) if found}
    for name in sorted(names):
        try:
            for _ in BY_NAME[name].read(head):
                pass
        except UnreadableSource:
            continue
        except Exception:  # as above
            yield traceback.format_exc(limit=-3)
    try:
        dataprep.check(io.BytesIO(content))
    except Exception:  # as above
        yield traceback.format_exc(limit=-3)


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
