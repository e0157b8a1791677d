"""How fast a prompt of 600 tokens is read: the default model as it is kept, beside the file that it is published as.

Run `python -m bench.prompt [--short]`. A llama.cpp process each, as the engine starts it, with a thread a core; they
take turns. How near the two's answers are is `bench.quantisation`'s matter.
"""

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench import live
from bench.quantisation import LONG, answer
from bench.report import Report, Row, main, versions
from engine import catalogue
from engine.serving.process import ModelProcess, ServedModel, ServerSettings

TOKENS = 600
SETTINGS = ServerSettings(context_tokens=1024, parallel=1, threads=os.cpu_count() or 1)


def read(process: ModelProcess) -> float:
    """Have it read a prompt that it does not know; return the tokens a second."""
    prompt = process.ask("/tokenize", {"content": LONG * 10})["tokens"][:TOKENS]
    began = time.perf_counter()
    answer(process, prompt, 1, cache_prompt=False)
    return TOKENS / (time.perf_counter() - began)


def measure(short: bool) -> Report:
    """Have both read in turns."""
    rounds = 5 if short else 15
    model, kept = live.default_base()
    with tempfile.TemporaryDirectory() as made, ExitStack() as started:
        folder = Path(made)
        published = catalogue.fetch(replace(model, stored_as="", stored_sha256=None), folder)
        processes = []
        for file in (kept, published):
            process = ModelProcess(ServedModel(file.stem, file), SETTINGS, folder / f"{file.stem}.log")
            process.start()
            started.callback(process.stop)
            processes.append(process)
        seen = [[read(process) for process in processes] for _ in range(rounds)]
    ours, theirs = (median(column) for column in zip(*seen, strict=True))
    how = f"A prompt of {TOKENS} tokens, {rounds} times each in turns, medians."
    rows = [Row("reading a prompt", ours, "tokens/s", f"{published.name}", theirs, at_least=1.5)]
    return Report("Prompts", how, rows, versions("xllamacpp"))


if __name__ == "__main__":
    main(measure)
