"""How fast the engine trains beside TRL's SFTTrainer: tokens a second, memory, loss, and the machine's own limit.

Run `python -m bench.train [--short]`. The trainers take turns, each time in a process of its own (`bench.trainers`); a
step's tokens are those without padding, and medians are over all steps but the first two of a turn.
"""

import json
import os
import subprocess
from collections import defaultdict
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.report import Report, Row, main
from config import EngineConfig
from engine import catalogue

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
WARM_UP = 2
FLOPS_A_WEIGHT = 4  # forwards, and backwards to what the frozen weights multiply
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
# What the engine's trainer sets for itself, and what a careful user of TRL would set.
THREADS = {"ours": {"OMP_WAIT_POLICY": "passive"}, "": {"OMP_NUM_THREADS": str(os.cpu_count())}}


def base_model() -> Path:
    """The default base model, fetched if need be."""
    config = EngineConfig.from_env()
    return catalogue.fetch(catalogue.find(config.base_model, catalogue.default_catalogue()), config.data_dir / "models")


def turn(name: str, base: Path, steps: int) -> dict[str, Any]:
    """Have one trainer take so many steps; return what it told."""
    environment = os.environ | QUIET | THREADS.get(name, THREADS[""])
    command = [str(PYTHON), "-m", "bench.trainers", str(base), name, str(steps)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def speeds(told: dict[str, Any]) -> list[float]:
    """Tokens a second of each step but the first ones."""
    pairs = zip(told["tokens"], told["seconds"], strict=True)
    return [tokens / seconds for tokens, seconds in islice(pairs, WARM_UP, None)]


def measure(short: bool) -> Report:
    """Have all take turns."""
    rounds, steps = (2, 8) if short else (5, 14)
    base, told = base_model().resolve(), defaultdict[str, list[dict[str, Any]]](list)
    for _ in range(rounds):
        for name in ("ours", "trl", "trl-tuned"):
            told[name].append(turn(name, base, steps))
    exact = turn("trl-fp32", base, steps)
    speed = {name: median(one for each in turns for one in speeds(each)) for name, turns in told.items()}
    memory = {name: max(each["megabytes"] for each in turns) for name, turns in told.items()}
    ours = told["ours"][0]
    losses = mean(ours["losses"]), mean(exact["losses"])
    share = 100 * speed["ours"] * FLOPS_A_WEIGHT * ours["weights"] / median(each["peak"] for each in told["ours"])
    rows = [
        Row("training", speed["ours"], "tokens/s", "TRL, its defaults", speed["trl"], at_least=4.0),
        Row("training", speed["ours"], "tokens/s", "TRL, bf16 and by length", speed["trl-tuned"], at_least=1.9),
        Row("training", speed["ours"], "tokens/s", "TRL in float32, our batches", median(speeds(exact))),
        Row("training: peak memory", memory["ours"], "MB", "TRL, its defaults", memory["trl"], at_most=1.0),
        Row("training: peak memory", memory["ours"], "MB", "TRL, bf16 and by length", memory["trl-tuned"]),
        Row(f"mean loss of {steps} steps", losses[0], "", "TRL in float32", losses[1], at_least=0.98, at_most=1.02),
        Row("training, of what large bf16 matrices reach", share, "%", at_least=45),
    ]
    how = (
        f"SmolLM2-135M, LoRA of rank 16, chats of the standard library's docstrings in batches of 8; {rounds} turns of "
        f"{steps} steps each; ours in {ours['arithmetic']}. The limit: {FLOPS_A_WEIGHT} operations a weight and token."
    )
    return Report("Training", how, rows, versions())


def versions() -> dict[str, str]:
    """The versions of what takes part."""
    names = ("trl", "transformers", "peft", "torch")
    script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    said = subprocess.run([str(PYTHON), "-c", script, *names], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(zip(names, said.split(), strict=True))


if __name__ == "__main__":
    main(measure)
