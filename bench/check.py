"""Times dataprep's check against the checks of OpenAI's data preparation notebook, written anew; it tests nothing."""

import argparse
import io
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import dataprep
from dataprep.checks.checker import MAX_CLOSE_BYTES

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


def measure(run: Callable[[bytes], None], data: bytes, rounds: int) -> float:
    """The best CPU time of a few rounds, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        run(data)
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Print a table: megabytes a second on one core, and the ratio to the notebook as published."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=40, help="size of the generated file")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many rounds counts")
    options = parser.parse_args()
    chance, lines, size = random.Random(9527), [], 0
    while size < options.megabytes * 1_000_000:
        lines.append(write_example(chance).encode() + b"\n")
        size += len(lines[-1])
    data = b"".join(lines)
    large = size > MAX_CLOSE_BYTES
    print("large-file path: errors in every line, warnings of wording in a sample" if large else "every line closely")
    print(f"{len(lines)} chats, {size / 1e6:.0f} MB, {size / len(lines):.0f} bytes each")
    runs = {"notebook, as published": check_as_published, "notebook, streaming": check_streaming}
    baseline = 0.0
    for name, run in {**runs, "dataprep": check_ours}.items():
        seconds = measure(run, data, options.rounds)
        baseline = baseline or seconds
        print(f"{name:24} {size / seconds / 1e6:7.0f} MB/s {baseline / seconds:6.1f} x")


if __name__ == "__main__":
    main()
