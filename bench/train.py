"""Times the trainer's steps against plain TRL SFTTrainer on the same rows, base, adapter and rate; compares losses.

Each contestant runs in a process of its own. Needs requirements/bench.txt; it tests no answers.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import docstrings
from bench.trl_common import COMMON
from config import EngineConfig
from engine import catalogue

LEARNING_RATE = 5e-4
WARM_UP = 2  # steps whose time does not count
CONTESTANTS = {
    "trl": "TRL SFTTrainer, its defaults",
    "trl-batches": "TRL, its defaults, our batches",
    "trl-fp32": "TRL, bf16=False, our batches",
    "ours": "engine.trainer",
}


def main() -> None:
    """Run the contestants one after another and print their table."""
    options = _options()
    if options.base is None:
        config = EngineConfig.from_env()
        base = catalogue.find(config.base_model, catalogue.default_catalogue())
        sys.argv.insert(1, str(catalogue.fetch(base, config.data_dir / "models")))
        options = _options()
    if options.contestant:
        print(json.dumps(_run(options)))
        return
    names = options.only.split(",")
    results = {name: _in_own_process(name) for name in names}
    print(_table(results, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path, nargs="?", help="GGUF of the base model (default: that of the settings)")
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=15, help="optimizer steps of each contestant")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="contestants, comma-separated")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_own_process(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--contestant", name]
    root = Path(__file__).resolve().parents[1]
    environment = os.environ | {"PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if name == "ours":
        environment["OMP_WAIT_POLICY"] = "passive"  # as the trainer sets it for itself
    else:
        environment["OMP_NUM_THREADS"] = str(_options().threads)
    print(f"running: {CONTESTANTS[name]}", file=sys.stderr)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _run(options: argparse.Namespace) -> dict[str, Any]:
    """One contestant: seconds, tokens and loss of each step, and peak memory."""
    from engine.trainer import data, recipe
    from engine.trainer.base_model import load_tokenizer

    tokenizer = load_tokenizer(options.base)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in docstrings.chats(options.rows)), encoding="utf-8")
        examples = data.load(path, tokenizer, 512).examples
        whole = [examples[: len(examples) // options.batch * options.batch]]
        lengths = [len(example) for example in whole[0]]
        order = [rows for epoch in range(99) for rows in recipe.batches(lengths, options.batch, 1, epoch)]
        batches = [[whole[0][row] for row in rows] for rows in order[: options.steps]]
        contest = _ours if options.contestant == "ours" else _trl
        steps = contest(options, tokenizer, batches, Path(folder))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    return steps | {"megabytes": round(memory)}


def _ours(options: argparse.Namespace, tokenizer: Any, batches: Sequence[Any], _: Path) -> dict[str, Any]:
    from engine.trainer import lora, precision, steps
    from engine.trainer.base_model import load_model
    from engine.trainer.crew import Crew

    precision.keep_memory()
    crew = Crew(options.threads, options.batch)
    arithmetic = precision.choose()
    precision.use(arithmetic)
    model = lora.attach(load_model(options.base, arithmetic.dtype, arithmetic.attention), None, seed=1)
    objective, optimizer = steps.Supervised(model, tokenizer.pad_token_id), steps.new_optimizer(model)
    seconds, losses = [], []
    for batch in batches:
        started = time.perf_counter()
        losses.append(steps.train_step(objective, optimizer, LEARNING_RATE, batch, crew).loss)
        seconds.append(time.perf_counter() - started)
    tokens = [sum(len(example) for example in batch) for batch in batches]
    return {"seconds": seconds, "losses": losses, "tokens": tokens, "note": arithmetic.name}


def _trl(options: argparse.Namespace, tokenizer: Any, batches: Sequence[Any], folder: Path) -> dict[str, Any]:
    from datasets import Dataset
    from peft import LoraConfig, set_peft_model_state_dict

    from engine.trainer import lora, precision
    from engine.trainer.base_model import load_model

    own_order = options.contestant == "trl"
    tokens: list[int] = []
    clock = _clock()
    trainer = _trl_trainer(own_order, tokens)(
        model=load_model(options.base, precision.FP32.dtype, "sdpa"),
        args=_trl_settings(options, folder),
        train_dataset=Dataset.from_list([_labelled(example) for batch in batches for example in batch]),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=lora.RANK, lora_alpha=lora.ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[clock],
    )
    start = lora.attach(load_model(options.base, precision.FP32.dtype, "sdpa"), None, seed=1)
    set_peft_model_state_dict(trainer.model, lora.weights(start))
    del start
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"seconds": clock.seconds, "losses": losses, "tokens": tokens, "note": "own order" if own_order else ""}


def _trl_settings(options: argparse.Namespace, folder: Path) -> Any:
    from trl import SFTConfig

    precision = {"bf16": False} if options.contestant == "trl-fp32" else {}
    return SFTConfig(
        output_dir=str(folder),
        max_steps=options.steps,
        learning_rate=LEARNING_RATE,
        per_device_train_batch_size=options.batch,
        **COMMON,
        seed=1,
        dataset_kwargs={"skip_prepare_dataset": True},
        **precision,
    )


def _trl_trainer(own_order: bool, tokens: list[int]) -> Any:
    from torch.utils.data import SequentialSampler
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]
        """TRL's trainer that counts its tokens, and takes rows as they come when they are our batches."""

        def _get_train_sampler(self, *arguments: Any) -> Any:
            return super()._get_train_sampler(*arguments) if own_order else SequentialSampler(self.train_dataset)

        def training_step(self, model: Any, inputs: Any, *arguments: Any) -> Any:
            tokens.append(int(inputs["attention_mask"].sum()))
            return super().training_step(model, inputs, *arguments)

    return Trainer


def _labelled(example: Any) -> dict[str, list[int]]:
    """One row with its loss on the same tokens as ours."""
    labels = [token if on else -100 for token, on in zip(example.ids, example.trained, strict=True)]
    return {"input_ids": example.ids, "labels": labels}


def _clock() -> Any:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Seconds of each optimizer step."""

        def __init__(self) -> None:
            self.seconds: list[float] = []
            self._started = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self._started = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.perf_counter() - self._started)

    return Clock()


def _table(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    speeds = {name: _tokens_per_second(result) for name, result in results.items()}
    ours = results.get("ours")
    lines = [
        f"{options.rows} rows, batches of {options.batch}, {options.steps} steps, {options.threads} threads; "
        f"tokens without padding per second, after {WARM_UP} steps",
        "",
        "| | tokens/s | ours is quicker by | mean loss | loss against ours | largest step's | peak MB | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        quicker = f"{speeds['ours'] / speeds[name]:.2f}" if ours else ""
        gap, worst = _loss_gaps(result, ours) if ours and result["note"] != "own order" else ("", "")
        lines.append(
            f"| {CONTESTANTS[name]} | {speeds[name]:.0f} | {quicker} | {statistics.mean(result['losses']):.4f} "
            f"| {gap} | {worst} | {result['megabytes']} | {result['note']} |"
        )
    return "\n".join(lines)


def _tokens_per_second(result: dict[str, Any]) -> float:
    return float(sum(result["tokens"][WARM_UP:]) / sum(result["seconds"][WARM_UP:]))


def _loss_gaps(result: dict[str, Any], ours: dict[str, Any]) -> tuple[str, str]:
    """Difference of the mean loss and of the worst step, in per cent."""
    mean = statistics.mean(ours["losses"]) / statistics.mean(result["losses"]) - 1
    worst = max(abs(a / b - 1) for a, b in zip(ours["losses"], result["losses"], strict=True))
    return f"{mean:+.2%}", f"{worst:.2%}"


if __name__ == "__main__":
    main()
