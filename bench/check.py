"""dataprep's check against the checks of OpenAI's data preparation notebook, written anew: bar 8 times on one core.

Run `python -m bench.check [--short]`.
"""

import io
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import dataprep
from bench.report import Report, Row, main, versions

WORDS = ["the", "keeper", "lit", "a", "lamp", "and", "wrote", "down", "wind", "tide", "ships", "rain", "morning"]
CHARACTERS = "灯塔看守人点亮了灯记下风潮汐船雨海鸥直到天亮"
KEYS = {"role", "content", "name", "function_call", "weight"}
ROLES = {"system", "user", "assistant", "function"}


def write_example(chance: random.Random) -> str:
    """One clean chat of three to seven messages: English, Chinese and code, about 1.2 KB."""
    messages = [{"role": "system", "content": "You keep a lighthouse and answer in one breath."}]
    for _ in range(chance.randint(1, 3)):
        for role in ("user", "assistant"):
            text = " ".join(chance.choices(WORDS, k=chance.randint(15, 90)))
            if chance.random() < 0.35:
                text = "".join(chance.choices(CHARACTERS, k=chance.randint(20, 160)))
            if chance.random() < 0.15:
                text += '\n```python\nprint("lamp", on)\n```'
            messages.append({"role": role, "content": text})
    return json.dumps({"messages": messages}, ensure_ascii=False)


def count_errors(examples: Iterable[Any]) -> dict[str, int]:
    """The seven counters of the notebook."""
    errors: dict[str, int] = defaultdict(int)
    for example in examples:
        if not isinstance(example, dict):
            errors["data_type"] += 1
            continue
        messages = example.get("messages")
        if not messages:
            errors["missing_messages_list"] += 1
            continue
        for message in messages:
            content = message.get("content")
            errors["message_missing_key"] += "role" not in message or "content" not in message
            errors["message_unrecognized_key"] += any(key not in KEYS for key in message)
            errors["unrecognized_role"] += message.get("role") not in ROLES
            errors["missing_content"] += (not content and not message.get("function_call")) or not isinstance(
                content, str
            )
        errors["example_missing_assistant_message"] += not any(one.get("role") == "assistant" for one in messages)
    return errors


def check_as_published(data: bytes) -> None:
    """As the notebook goes about it: all examples are decoded first and kept, then checked."""
    count_errors([json.loads(line) for line in io.BytesIO(data)])


def check_streaming(data: bytes) -> None:
    """The notebook's counters, one line in memory at a time."""
    count_errors(map(json.loads, io.BytesIO(data)))


def check_ours(data: bytes) -> None:
    """dataprep, which also finds duplicate keys and examples, bad weights, lone surrogates and broken tool calls."""
    assert {finding.code for finding in dataprep.check(io.BytesIO(data)).findings} <= {"partly_read"}


CHECKS = {"notebook, as published": check_as_published, "notebook, streaming": check_streaming, "ours": check_ours}


def timed(run: Callable[[bytes], None], data: bytes) -> float:
    """CPU time in seconds."""
    began = time.process_time()
    run(data)
    return time.process_time() - began


def measure(short: bool) -> Report:
    """Check the same bytes in turns."""
    megabytes, rounds = (40, 5) if short else (200, 5)
    chance, lines, size = random.Random(9527), [], 0
    while size < megabytes * 1_000_000:
        lines.append(write_example(chance).encode() + b"\n")
        size += len(lines[-1])
    data = b"".join(lines)
    took: dict[str, list[float]] = defaultdict(list)
    for name, check in [*CHECKS.items()] * rounds:
        took[name].append(timed(check, data))
    speeds = {name: size / median(seconds) / 1e6 for name, seconds in took.items()}
    how = (
        f"{len(lines):,} chats, {size / 1e6:.0f} MB, one core, CPU time, {rounds} rounds in turns, medians; "
        "a file above 32 MB is checked for errors in every line and for wording in a sample."
    )
    bars = {"notebook, as published": 8.0, "notebook, streaming": None}
    rows = [Row("check of JSONL", speeds["ours"], "MB/s", peer, speeds[peer], bar) for peer, bar in bars.items()]
    return Report("Check of training files", how, rows, versions("msgspec", "wasmtime"))


if __name__ == "__main__":
    main(measure)
