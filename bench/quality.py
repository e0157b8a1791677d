"""What is learned from few rows, and what is forgotten: the engine's `auto` beside TRL, by default and with care.

Run `python -m bench.quality [--short]`. Four tasks (`bench.tasks`) of 12, 60 and 300 rows over three seeds; each is
trained by a job of the engine and by TRL, and asked, greedily, what was held out and forty general questions. `keep` is
the share of those that the untouched model answers which the tuned one answers still. The short form: 12 rows, a seed.
"""

import os
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import requests

from bench import live
from bench.live import Running
from bench.report import Report, Row, main
from bench.tasks import GENERAL, TASKS, Task
from bench.tasks import Row as TaskRow
from engine.serving.process import ModelProcess, ServedModel, ServerSettings

PYTHON = live.ROOT / ".venv-bench" / "bin" / "python"
HELD_OUT, TOKENS, GENERAL_TOKENS = 40, 64, 40
SETTINGS = ServerSettings(context_tokens=512, parallel=1, threads=os.cpu_count() or 1)
KEPT = 0.85
NOISE = 0.05  # a standard error of a task's score
AUTO, TRL = "auto", ("careful", "defaults")
Ask = Callable[[str, int], str]


@contextmanager
def asked(base: Path, adapter: Path | None, folder: Path) -> Iterator[Ask]:
    """A llama.cpp process that answers greedily."""
    process = ModelProcess(ServedModel("asked", base, adapter), SETTINGS, folder / "asked.log")
    process.start()

    def ask(question: str, tokens: int) -> str:
        chat: dict[str, Any] = {"messages": [{"role": "user", "content": question}], "temperature": 0}
        reply = process.ask("/v1/chat/completions", chat | {"max_tokens": tokens} | process.chosen(process.model))
        return str(reply["choices"][0]["message"]["content"])

    try:
        yield ask
    finally:
        process.stop()


def answered(ask: Ask) -> set[str]:
    """The general questions that are answered properly."""
    return {question for question, word in GENERAL.items() if re.search(word, ask(question, GENERAL_TOKENS))}


def by_engine(running: Running, rows: Path, folder: Path, seed: int) -> Path:
    """Have a job of the engine learn the rows, all by `auto`; return the adapter."""
    client = running.client()
    file = client.files.create(file=rows, purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="gpt-3.5-turbo", training_file=file.id, seed=seed)
    model = live.model_of(client, job.id)
    export = requests.get(f"http://127.0.0.1:{running.port}/models/{model}/export", {"format": "gguf"}, timeout=60)
    export.raise_for_status()
    target = folder / "auto.gguf"
    target.write_bytes(export.content)
    client.models.delete(model)  # else it is loaded beside the next one
    return target


def by_trl(how: str, base: Path, rows: Path, folder: Path, seed: int) -> Path:
    """Have TRL learn the rows; return the adapter."""
    target = folder / f"{how}.gguf"
    command = [str(PYTHON), "-m", "bench.trl_adapter", *map(str, (base, rows, target, how, seed))]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    subprocess.run(command, cwd=live.ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return target


def score(task: Task, held_out: Sequence[TaskRow], ask: Ask) -> float:
    """How much of what was held out is answered right."""
    return mean(task.score(ask(row.question, TOKENS), row) for row in held_out)


def compare(task: Task, count: int, seed: int, running: Running, untouched: set[str]) -> dict[str, tuple[float, float]]:
    """Have all learn the same rows; return the score of each, and the share of general questions that it kept."""
    _, base = live.default_base()
    rows = task.rows(seed, count)
    held_out = task.rows(-1 - seed, HELD_OUT, without=rows)
    found = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = folder / "rows.jsonl"
        file.write_text("".join(row.chat() for row in rows), encoding="utf-8")
        ways = {AUTO: partial(by_engine, running), **{how: partial(by_trl, how, base) for how in TRL}}
        for name, learn in ways.items():
            with asked(base, learn(file, folder, seed), folder) as ask:
                found[name] = score(task, held_out, ask), len(answered(ask) & untouched) / len(untouched)
            print(f"{task.name}, {count} rows, seed {seed}, {name}: {found[name][0]:.2f}, keeps {found[name][1]:.2f}")
    return found


def told(task: Task, count: int, found: Sequence[dict[str, tuple[float, float]]]) -> list[Row]:
    """The rows of the report for one task and size, means over the seeds."""
    scores = {name: mean(one[name][0] for one in found) for name in found[0]}
    kept = {name: mean(one[name][1] for one in found) for name in found[0]}
    claim, low = f"{task.name}, {count} rows", NOISE / len(found) ** 0.5
    return [
        Row(f"{claim}: more than a careful user's", scores[AUTO] - scores["careful"], "", at_least=-2 * low),
        Row(f"{claim}: right", scores[AUTO], "", "TRL, a careful user", scores["careful"]),
        Row(f"{claim}: right", scores[AUTO], "", "TRL, its defaults", scores["defaults"]),
        Row(f"{claim}: kept", kept[AUTO], "", at_least=KEPT),
        Row(f"{claim}: kept", kept[AUTO], "", "TRL, a careful user", kept["careful"]),
    ]


def measure(short: bool) -> Report:
    """Compare them for each task, size and seed."""
    sizes, seeds = ((12,), (1,)) if short else ((12, 60, 300), (1, 2, 3))
    found = defaultdict[tuple[Task, int], list[dict[str, tuple[float, float]]]](list)
    _, base = live.default_base()
    with live.service({}) as running, tempfile.TemporaryDirectory() as folder:
        with asked(base, None, Path(folder)) as ask:
            untouched = answered(ask)
        for seed, count, task in product(seeds, sizes, TASKS):
            found[task, count].append(compare(task, count, seed, running, untouched))
    rows = [row for (task, count), one in found.items() for row in told(task, count, one)]
    how = (
        f"{HELD_OUT} held-out rows a task, {len(seeds)} seeds, means; of {len(GENERAL)} general questions the "
        f"untouched model answers {len(untouched)}. Noise: {NOISE} a seed."
    )
    return Report("Quality", how, rows, versions())


def versions() -> dict[str, str]:
    """The versions of what takes part."""
    names = ("trl", "transformers", "peft", "torch")
    script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    said = subprocess.run([str(PYTHON), "-c", script, *names], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(zip(names, said.split(), strict=True))


if __name__ == "__main__":
    main(measure)
