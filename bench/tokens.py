"""Times dataprep's token counts against a loop over tiktoken's encode_ordinary, in one run; it tests nothing.

The counts of both are compared first: a ratio between different work would say nothing.
"""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import get_args

from bench.check import CHARACTERS, WORDS
from bench.report import Report, Row, main, versions
from dataprep.tokens import Encoding, count
from tests import real_tiktoken

BAR = 1.3
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


def timed(counter: Callable[[str], int], texts: Sequence[str]) -> float:
    """CPU time over all texts, in seconds."""
    began = time.process_time()
    for text in texts:
        counter(text)
    return time.process_time() - began


def compare(title: str, texts: Sequence[str], encoding: Encoding, rounds: int) -> Row:
    """Count the same texts in turns; the counts of both must be the same."""
    encode = real_tiktoken.load(encoding).encode_ordinary
    others = sum(count(text, encoding) != len(encode(text)) for text in texts)
    if others:
        raise ValueError(f"{others} of {len(texts)} texts are counted differently ({title}, {encoding})")
    size, theirs, ours = sum(len(text.encode()) for text in texts) / 1e6, list[float](), list[float]()
    for _ in range(rounds):
        theirs.append(timed(lambda text: len(encode(text)), texts))
        ours.append(timed(lambda text: count(text, encoding), texts))
    speeds = size / median(ours), size / median(theirs)
    return Row(f"tokens of {title}, {encoding}", speeds[0], "MB/s", "tiktoken in a loop", speeds[1], BAR)


def measure(short: bool) -> Report:
    """Two kinds of text, each encoding."""
    megabytes, rounds = (2, 5) if short else (6, 7)
    kinds = {"chats": chats(megabytes * 1_000_000), "Python source": sources(megabytes * 1_000_000)}
    rows = [
        compare(title, texts, encoding, rounds) for title, texts in kinds.items() for encoding in get_args(Encoding)
    ]
    how = f"{megabytes} MB of each text, one core, CPU time, {rounds} rounds in turns, medians; the counts are equal."
    return Report("Token counts", how, rows, versions("tiktoken", "quicktok-v1"))


if __name__ == "__main__":
    main(measure)
