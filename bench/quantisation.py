"""One model in two quantisations, how near its answers are and how fast: bars 1.4 of the reading, 0.95 of the writing.

Run `python -m bench.quantisation PUBLISHED.gguf KEPT.gguf [ADAPTER.gguf]`. Both are asked the same prompts: each is led
along the greedy answer of the published one, and at each token it is compared how likely they find the next. Speed is
tokens per processor second, which a loaded machine disturbs least; the two files take turns, and medians are told.
"""

import math
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from engine.serving.process import ModelProcess, ServedModel, ServerSettings

ANSWER, LIKELIEST = 16, 300  # tokens of an answer; of how many it is asked how likely they are
ROUNDS = 5  # of speed
SETTINGS = ServerSettings(context_tokens=1024, parallel=1, threads=1)
WRITTEN = 48  # tokens
PATIENCE = 600.0  # seconds
QUESTIONS = [
    *("What do bees make?", "Name three rivers.", "Why is the sky blue?", "What is 12 + 30?", "Who wrote Hamlet?"),
    *("Write a haiku about rain.", "Translate 'good morning' into French.", "What is the capital of Italy?"),
    *("How do I boil an egg?", "List the planets.", "What is a prime number?", "Tell me a joke.", "What is Python?"),
    *("Say hello to Anna.", "What is the opposite of hot?", "When do birds sing?", "What does a lighthouse do?"),
    *("Summarise: the cat sat on the mat.", "Give me a synonym for big.", "Is fire cold?", "What is photosynthesis?"),
    *("\u6cd5\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f", "\u4f60\u597d", "\u8702\u871c\u662f\u4ec0\u4e48\uff1f"),
]
OPENINGS = ["", "You are a keeper of a lighthouse who answers in one short sentence."]
LONG = "The keeper climbs the stairs each night and lights the lamp for the ships at sea. " * 10
Likely = dict[int, float]


@contextmanager
def served(file: Path, adapter: Path | None, folder: Path) -> Iterator[ModelProcess]:
    """A process of the file, with the adapter if there is one."""
    process = ModelProcess(ServedModel(file.stem, file, adapter), SETTINGS, folder / f"{file.stem}.log")
    process.start()
    try:
        yield process
    finally:
        process.stop()


def prompts(process: ModelProcess) -> Iterator[list[int]]:
    """Yield the questions as token ids, in the model's chat template."""
    for opening in OPENINGS:
        for question in QUESTIONS:
            messages = [{"role": "system", "content": opening}] if opening else []
            messages.append({"role": "user", "content": question})
            prompt = process.ask("/apply-template", {"messages": messages})["prompt"]
            yield process.ask("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})["tokens"]


def answer(process: ModelProcess, prompt: list[int], tokens: int = ANSWER, **more: Any) -> dict[str, Any]:
    """Ask for a greedy answer."""
    asked = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "top_k": 0, "return_tokens": True}
    reply: dict[str, Any] = process.ask("/completion", asked | process.chosen(process.model) | more, PATIENCE)
    return reply


def likely(process: ModelProcess, prompt: list[int]) -> Likely:
    """Return the log-probabilities of the likeliest next tokens, of which llama.cpp tells none if one ends the answer:

    so it is made to say a letter; what it tells is from before that (`engine.parity`).
    """
    spoken = process.ask("/tokenize", {"content": "a"})["tokens"][0]
    told = answer(process, prompt, 1, n_probs=LIKELIEST, logit_bias=[[spoken, 1e6]])["completion_probabilities"]
    return {one["id"]: one["logprob"] for one in told[0]["top_logprobs"]}


def divergence(one: Likely, other: Likely) -> float:
    """Return the Kullback-Leibler divergence in nats over the likeliest tokens of `one`, all others taken as one."""
    least = min(other.values())
    pairs = [(mine, other.get(token, least)) for token, mine in one.items()]
    inside = sum(math.exp(mine) * (mine - theirs) for mine, theirs in pairs)
    rests = [max(1e-9, 1 - sum(math.exp(pair[side]) for pair in pairs)) for side in (0, 1)]
    return inside + rests[0] * math.log(rests[0] / rests[1])


def nearness(published: ModelProcess, kept: ModelProcess) -> str:
    """Compare the two at each token of the published one's answers."""
    firsts, sames, gaps, wholes = [], [], [], []
    for prompt in prompts(published):
        said = answer(published, prompt)["tokens"]
        wholes.append(answer(kept, prompt)["tokens"] == said)
        for place in range(len(said)):
            one, other = (likely(process, prompt + said[:place]) for process in (published, kept))
            sames.append(max(one, key=one.__getitem__) == max(other, key=other.__getitem__))
            firsts += [] if place else sames[-1:]
            gaps.append(divergence(one, other))
    return (
        f"the same: {sum(firsts)} of {len(firsts)} first tokens, {sum(sames)} of {len(sames)} tokens, "
        f"{sum(wholes)} of {len(wholes)} answers of {ANSWER} tokens; KL divergence in nats: "
        f"{statistics.mean(gaps):.4f} on average, {statistics.median(gaps):.4f} in the middle, {max(gaps):.3f} at most"
    )


def speeds(processes: list[ModelProcess]) -> list[tuple[float, float]]:
    """Return the tokens per processor second of reading a long prompt and of writing, of each process."""
    seen: list[list[tuple[float, float]]] = [[] for _ in processes]
    for _ in range(ROUNDS):
        for process, figures in zip(processes, seen, strict=True):
            prompt = process.ask("/tokenize", {"content": LONG})["tokens"]
            began = processor_seconds(process)
            answer(process, prompt, 1, cache_prompt=False)
            read = processor_seconds(process)
            answer(process, prompt, WRITTEN, ignore_eos=True)
            figures.append((len(prompt) / (read - began), WRITTEN / (processor_seconds(process) - read)))
    return [tuple(statistics.median(column) for column in zip(*figures, strict=True)) for figures in seen]


def processor_seconds(process: ModelProcess) -> float:
    """Return what the process has had of all cores since its start."""
    took = psutil.Process(process.pid).cpu_times()
    return float(took.user + took.system)


def main() -> None:
    """Print a row a file, then how near the two are."""
    files = [Path(given) for given in sys.argv[1:3]]
    adapter = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        published, kept = (stack.enter_context(served(file, adapter, Path(folder))) for file in files)
        print(f"{'file':44}{'MB':>6}{'read/s':>9}{'written/s':>11}{'own MB':>8}{'mapped MB':>11}")
        for process, (reads, writes) in zip((published, kept), speeds([published, kept]), strict=True):
            base, held = process.model.base, process.memory
            size, own, mapped = (round(number / 1e6) for number in (base.stat().st_size, held.own, held.mapped))
            print(f"{base.name:44}{size:6}{reads:9.0f}{writes:11.1f}{own:8}{mapped:11}")
        print(nearness(published, kept))


if __name__ == "__main__":
    main()
