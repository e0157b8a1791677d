"""How much of llama.cpp's speed reaches a caller of port 9527: bars 0.8 of its tokens/s, 5 ms more to the first token.

Run `python -m bench.chat [ROUNDS]`. In each round every way in streams one answer of 128 tokens, for the speed, and
five of 8 tokens, for the time to the first; greedy, prompt cached, one caller. The ways in take turns, and each figure
is a median over all rounds. The baseline is llama.cpp's own HTTP server, in the very process that the engine keeps.
"""

import statistics
import sys
from collections.abc import Mapping
from typing import Any

from bench.live import service, streamed

LONG, SHORT, SHORT_ONES = 128, 8, 5  # tokens of an answer; short answers in a round
ASKED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Write a long story about a lighthouse keeper and the sea."}],
    "temperature": 0,
    "max_tokens": LONG,
    "stream": True,
    "logit_bias": {"2": -100},  # the end token: every answer has its full length
}
Way = tuple[int | str, str, Mapping[str, Any]]  # port, path, body


def in_turns(ways: Mapping[str, Way], rounds: int, answers: int, tokens: int) -> dict[str, list[tuple[float, float]]]:
    """Ask every way in for `answers` answers a round; return the figures of `streamed` by way."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds * answers):
        for name, (where, path, body) in ways.items():
            seen[name].append(streamed(where, path, {**body, "max_tokens": tokens}))
    return seen


def main() -> None:
    """Print one row a way in."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with service({}) as running:
        engine = (running.engine_port, "/v1/chat/completions", {**ASKED, "model": "gpt-3.5-turbo"})
        streamed(*engine)
        ways: dict[str, Way] = {
            "llama.cpp": (running.model_address(), "/v1/chat/completions", ASKED),
            "engine /v1": engine,
            "service /chat": (running.port, "/chat", ASKED),
        }
        long, short = in_turns(ways, rounds, 1, LONG), in_turns(ways, rounds, SHORT_ONES, SHORT)
    firsts = {name: statistics.median(first for first, _ in short[name]) for name in ways}
    speeds = {name: statistics.median(speed for _, speed in long[name]) for name in ways}
    print(f"{'way in':16}{'ms to first':>13}{'ms added':>10}{'tokens/s':>10}{'share':>8}")
    for name in ways:
        added, share = firsts[name] - firsts["llama.cpp"], speeds[name] / speeds["llama.cpp"]
        print(f"{name:16}{1e3 * firsts[name]:13.1f}{1e3 * added:10.1f}{speeds[name]:10.1f}{share:8.2f}")


if __name__ == "__main__":
    main()
