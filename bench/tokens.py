"""Times dataprep's token counts against a loop over tiktoken's encode_ordinary, in one run; it tests nothing.

The counts of both are compared first: a ratio between different work would say nothing.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from bench.check import CHARACTERS, WORDS
from dataprep.tokens import Encoding, count
from tests import real_tiktoken

FACES = ("👍🏽", "😂", "[捂脸]", "👩‍💻", "🇨🇳")


def write_chat(chance: random.Random) -> str:
    """One message as in the chats of bench/check.py, a third of them Chinese; now and then with an emoji."""
    text = " ".join(chance.choices(WORDS, k=chance.randint(15, 90)))
    if chance.random() < 0.35:
        text = "".join(chance.choices(CHARACTERS, k=chance.randint(20, 160)))
    return text + chance.choice(FACES) if chance.random() < 0.2 else text


def chats(size: int) -> list[str]:
    """Messages of about `size` bytes together."""
    chance, texts, written = random.Random(9527), list[str](), 0
    while written < size:
        texts.append(write_chat(chance))
        written += len(texts[-1].encode())
    return texts


def sources(size: int) -> list[str]:
    """Python's own library, a file a text, until `size` bytes are read."""
    texts, read = list[str](), 0
    for path in sorted(Path(random.__file__).parent.glob("*.py")):
        if read < size:
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
            read += len(texts[-1].encode())
    return texts


def measure(counter: Callable[[str], int], texts: Sequence[str], rounds: int) -> float:
    """The best CPU time of a few rounds over all texts, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        for text in texts:
            counter(text)
        times.append(time.process_time() - began)
    return min(times)


def compare(title: str, texts: Sequence[str], encoding: Encoding, rounds: int) -> None:
    """Print one line: megabytes a second of both, and the ratio."""
    encode = real_tiktoken.load(encoding).encode_ordinary
    others = sum(count(text, encoding) != len(encode(text)) for text in texts)
    size = sum(len(text.encode()) for text in texts) / 1e6
    theirs = size / measure(lambda text: len(encode(text)), texts, rounds)
    ours = size / measure(lambda text: count(text, encoding), texts, rounds)
    differ = f"; {others} texts counted differently" if others else ""
    print(f"{title:14} {encoding:12} {theirs:9.1f} {ours:9.1f} {ours / theirs:8.1f} x{differ}")


def main() -> None:
    """Print a table: megabytes a second on one core, and dataprep's ratio to tiktoken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=4, help="size of each kind of text")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many rounds counts")
    options = parser.parse_args()
    print(f"{'MB/s':27} {'tiktoken':>9} {'dataprep':>9} {'ratio':>8}")
    for title, write in (("chat messages", chats), ("Python source", sources)):
        texts = write(options.megabytes * 1_000_000)
        for encoding in get_args(Encoding):
            compare(title, texts, encoding, options.rounds)


if __name__ == "__main__":
    main()
