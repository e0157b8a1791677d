"""Breaks the headers of model files and judges them: bars 100 ms and 64 MB each, and no crash of llama.cpp.

Run `python -m bench.model_files [--count N] [--seed N] [--load N] [FILE ...]`; without files, tiny ones of each
architecture and a safetensors file are written and broken. Each input is one of the files with one to three of its
header's parts flipped, replaced by what readers stumble over, cut, doubled or swapped. Of a GGUF's inputs those that
`engine.model_file` lets pass, or the first `--load`, are loaded by llama.cpp as the engine does. It may refuse them; a
signal or a stall is a failure. The same seed gives the same inputs. There is no baseline: the bars are absolute.
"""

import argparse
import random
import struct
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

from engine import architectures, model_file, safetensors_file
from engine.architectures import Unsupported
from engine.run import died_of
from engine.serving.process import ModelGone, ModelProcess, ServedModel, ServerSettings, StartFailed
from tests.tiny_models import write_gemma3, write_llama, write_qwen3

SECONDS, MEGABYTES, LOAD_SECONDS = 0.1, 64, 20
Judge = Callable[[Path], None]
_SIZES = (
    0,
    1,
    2,
    3,
    7,
    31,
    32,
    33,
    63,
    64,
    65,
    255,
    256,
    4096,
    65535,
    2**16,
    2**20,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
_HUGE = (2**32, 2**32 + 1, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 32, 2**64 - 1)
_TEXTS = (b"", b"\0", b"\xff\xfe", b"../" * 9, b"%n%s", b"[" * 2000, b"9" * 400, b'"', b"{}", b"-1", b"NaN", b"a" * 70)


@dataclass
class Account:
    """What became of the inputs; `slow`, `large` and `crashed` are failures."""

    refused: int = 0
    passed: int = 0
    longest: float = 0.0
    most: float = 0.0
    loads: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def parts_of(path: Path) -> tuple[bytes, list[tuple[int, int]], int]:
    """Return a file's bytes, where each part of its header begins and how long it is, and the header's end."""
    whole = path.read_bytes()
    if path.suffix == ".safetensors":
        end = 8 + int.from_bytes(whole[:8], "little")
        return whole, [(0, 8), *((at, 1) for at in range(8, end))], end
    reader = gguf.GGUFReader(path)
    fields = [one for name, one in reader.fields.items() if not name.startswith("GGUF.")]
    parts = [(0, 4), (4, 4), (8, 8), (16, 8)]
    for one in [*fields, *(tensor.field for tensor in reader.tensors)]:
        at = one.offset
        for part in one.parts[:64]:  # of a vocabulary its beginning will do
            parts.append((at, part.nbytes))
            at += part.nbytes
    return whole, parts, int(reader.tensors[0].data_offset)


def broken(path: Path, seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` files made of the one at `path`, the same for the same seed."""
    chance = random.Random(seed)
    whole, parts, end = parts_of(path)
    for _ in range(count):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _break(content, parts, end, chance)
        yield bytes(content)


def _break(content: bytearray, parts: list[tuple[int, int]], end: int, chance: random.Random) -> None:
    at, length = chance.choice(parts)
    other, other_length = chance.choice(parts)
    match chance.randrange(8):
        case 0:
            content[chance.randrange(min(end, len(content)) or 1) % max(1, len(content))] ^= 1 << chance.randrange(8)
        case 1 | 2 | 3:
            form = {4: "I", 8: "Q"}.get(length, "B")
            value = chance.choice(_SIZES + _HUGE) % 2 ** (8 * struct.calcsize(form))
            content[at : at + struct.calcsize(form)] = struct.pack(f"<{form}", value)
        case 4:
            content[at : at + length] = chance.choice(_TEXTS)[:length].ljust(length, b"_")
        case 5:
            content[at : at + length] = content[other : other + other_length].ljust(length, b"\0")[:length]
        case 6:
            content[at : at + length] = chance.choice((b"", bytes(content[at : at + length]) * 2, chance.randbytes(9)))
        case _:
            del content[chance.randrange(len(content)) if chance.random() < 0.3 else min(at, len(content)) :]


def judge_gguf(path: Path) -> None:
    """Raise Unsupported as the engine does before anything reads the file."""
    model_file.check(path)
    architectures.check(path)


def examine(judge: Judge, path: Path, account: Account, traced: bool = False) -> bool:
    """Judge one file, add it to the account, and return whether it passed."""
    if traced:
        tracemalloc.start()
    begun = time.process_time()
    try:
        judge(path)
    except Unsupported:
        passed = False
    else:
        passed = True
    took = time.process_time() - begun
    if traced:
        account.most = max(account.most, tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    else:
        account.longest = max(account.longest, took)
    account.passed += passed
    account.refused += not passed
    return passed


def load(path: Path) -> str:
    """Load `path` as the engine does: `loaded`, `refused`, or how else the model server ended."""
    settings = ServerSettings(context_tokens=64, parallel=1, threads=1)
    process = ModelProcess(ServedModel("broken", path), settings, path.with_suffix(".log"))
    try:
        process.start(LOAD_SECONDS)
    except (StartFailed, ModelGone):
        code = process.exit_code
        return "refused" if code in (0, 1) else died_of(code)  # 0: it served, and the engine ended it
    process.stop()
    return "loaded"


def run(files: Sequence[Path], seed: int, count: int, loads: int) -> Account:
    """Break each of `files` in `count` ways, judge all, and load the first `loads` of each that pass."""
    account = Account()
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            judge = safetensors_file.check if path.suffix == ".safetensors" else judge_gguf
            _judge_all(path, Path(folder) / path.name, judge, account, broken(path, seed, count), loads)
    if account.longest > SECONDS or account.most > MEGABYTES:
        account.failures.append(f"a verdict took {account.longest:.3f} s or {account.most:.1f} MB")
    return account


def _judge_all(
    source: Path, place: Path, judge: Judge, account: Account, contents: Iterator[bytes], loads: int
) -> None:
    most = account.loads.total() + loads
    for number, content in enumerate(contents):
        place.write_bytes(content)
        if number % 8 == 0:
            examine(judge, place, account, traced=True)  # tracing takes time, so memory is measured apart
        elif examine(judge, place, account) and judge is judge_gguf and account.loads.total() < most:
            outcome = load(place)
            account.loads[outcome] += 1
            if outcome not in ("loaded", "refused"):
                account.failures.append(f"{source.name}, input {number}: {outcome}")
                print(account.failures[-1], file=sys.stderr, flush=True)


def write_files(folder: Path) -> list[Path]:
    """Write a small whole file of each kind and architecture into `folder`; return where they are."""
    writers = {"llama": write_llama, "gemma3": write_gemma3, "qwen3": write_qwen3}
    for name, write in writers.items():
        write(folder / f"{name}.gguf")
    tensors = {f"layer.{number}": np.ones((4, 8), np.float32) for number in range(3)}
    save_file(tensors, folder / "layers.safetensors", metadata={"format": "pt"})
    return sorted(folder.iterdir())


def main() -> int:
    """Break, judge, load, and print the account; the exit code is 1 if a bar is not held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="GGUF and safetensors files")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=9527)
    parser.add_argument("--load", type=int, default=10**9, help="how many that pass are loaded, of each file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        account = run(asked.files or write_files(Path(folder)), asked.seed, asked.count, asked.load)
    print(f"seed {asked.seed}: {account.refused} refused, {account.passed} passed, of which {dict(account.loads)}")
    print(f"longest verdict {account.longest * 1000:.1f} ms (bar {SECONDS * 1000:.0f}), most {account.most:.2f} MB")
    print(*account.failures[:40], sep="\n")
    return 1 if account.failures else 0


if __name__ == "__main__":
    sys.exit(main())
