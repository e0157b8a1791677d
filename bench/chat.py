"""How much of llama.cpp's speed reaches a caller of port 9527, and what a tuned model costs; beside transformers.

Run `python -m bench.chat [--short]`. All take turns, and each figure is a median over the rounds: an answer of 128
tokens for the speed of one stream, eight of 48 at once for that of eight, five of 8 for the time to the first token;
greedy, prompt cached. The baseline is llama.cpp's own HTTP server, in the very process that the engine keeps.
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import loopback
from bench import live
from bench.live import Running
from bench.report import Report, Row, main, versions
from tests.fakes.ports import until

LONG, SHORT, SHORT_ONES = 128, 8, 5  # tokens of an answer; short answers in a round
STREAMS, TOGETHER = 8, 48  # at once, and tokens of each
ASKED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Write a long story about a lighthouse keeper and the sea."}],
    "temperature": 0,
    "stream": True,
    "logit_bias": {"2": -100},  # the end token: every answer has its full length
}


@dataclass(frozen=True)
class Way:
    """A way in: a port or an address, a path, and what the body says beside the question."""

    where: int | str
    path: str
    more: Mapping[str, Any]

    def stream(self, tokens: int) -> tuple[float, float]:
        """Have one answer; return the seconds to the first token and the tokens a second after it."""
        return live.streamed(self.where, self.path, {**ASKED, **self.more, "max_tokens": tokens})

    def together(self) -> float:
        """Have some answers at once; return their tokens a second from the first question to the last token."""
        asked = {**ASKED, **self.more, "max_tokens": TOGETHER}
        with ThreadPoolExecutor(STREAMS) as callers:
            began = time.perf_counter()
            answers = callers.map(lambda _: live.arrivals(self.where, self.path, asked), range(STREAMS))
            return sum(map(len, answers)) / (time.perf_counter() - began)


def ways(running: Running) -> dict[str, Way]:
    """The ways in to a tuned model and to its base, once one process has both."""
    tuned, base = running.train(), "gpt-3.5-turbo"
    for model in (tuned, base):
        Way(running.port, "/chat", {"model": model}).stream(SHORT)
    address, number = until(lambda: _with_tuned(running))
    direct = "/v1/chat/completions"
    return {
        "llama.cpp": Way(address, direct, {"lora": [{"id": number, "scale": 1.0}]}),
        "engine": Way(running.engine_port, direct, {"model": tuned}),
        "service": Way(running.port, "/chat", {"model": tuned}),
        "llama.cpp, base": Way(address, direct, {"lora": [{"id": number, "scale": 0.0}]}),
        "service, base": Way(running.port, "/chat", {"model": base}),
    }


def _with_tuned(running: Running) -> tuple[str, int] | None:
    """Where the process listens that has all models of the base, and the tuned one's number there.

    It has the checkpoints of the training too, which are models.
    """
    try:
        address = running.model_address()
        connection = loopback.Connection(address, 5)
        connection.request("GET", "/lora-adapters")
        told = json.load(connection.getresponse())
        connection.close()
    except (OSError, LookupError):
        return None
    numbers = [one["id"] for one in told if "checkpoints" not in one["path"]]
    return (address, numbers[0]) if len(told) > len(numbers) > 0 else None


@contextmanager
def transformers() -> Iterator["subprocess.Popen[str]"]:
    """A process that writes LONG tokens a line that it reads (`bench.generate`), and says how many a second."""
    _, base = live.default_base()
    command = [sys.executable, "-m", "bench.generate", str(base), str(LONG)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=live.ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        generate(process)  # the first one warms it up
        yield process
    finally:
        process.communicate()


def generate(process: "subprocess.Popen[str]") -> float:
    """Have it write once."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def measure(short: bool) -> Report:
    """Ask all in turns."""
    rounds = 5 if short else 11
    one, eight, first = (defaultdict[str, list[float]](list) for _ in range(3))
    with live.service({}) as running, transformers() as peer:
        known = ways(running)
        for _ in range(rounds):
            for name, way in known.items():
                one[name].append(way.stream(LONG)[1])
                eight[name].append(way.together())
                first[name] += [way.stream(SHORT)[0] for _ in range(SHORT_ONES)]
            one["transformers"].append(generate(peer))
    speed, all_at_once, soon = ({name: median(seen) for name, seen in kind.items()} for kind in (one, eight, first))
    added = 1000 * (soon["service"] - soon["llama.cpp"])
    rows = [
        Row("one stream, tuned", speed["service"], "tokens/s", "llama.cpp", speed["llama.cpp"], at_least=0.95),
        Row("eight streams, tuned", all_at_once["service"], "tokens/s", "llama.cpp", all_at_once["llama.cpp"],
            at_least=0.95),
        Row("one stream, base", speed["service, base"], "tokens/s", "llama.cpp", speed["llama.cpp, base"]),
        Row("one stream, tuned", speed["service"], "tokens/s", "transformers", speed["transformers"], at_least=3),
        Row("one stream, tuned", speed["service"], "tokens/s", "its base model", speed["service, base"], at_least=0.9),
        Row("first token, added by both servers", added, "ms", at_most=3),
        Row("first token, through the engine alone", 1000 * soon["engine"], "ms", "llama.cpp",
            1000 * soon["llama.cpp"]),
    ]  # fmt: skip
    how = (
        f"SmolLM2-135M in eight bits and an adapter of rank 16; {rounds} rounds in turns, medians. transformers has "
        "the base model without an adapter, as if that were merged."
    )
    return Report("Chat", how, rows, versions("xllamacpp", "transformers", "torch"))


if __name__ == "__main__":
    main(measure)
