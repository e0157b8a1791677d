"""Compares the loss curves of the trainer's direct preference optimisation and of TRL's DPOTrainer, step by step.

Same base, adapter, pairs, order and rate; each contestant runs in a process of its own. Needs requirements/bench.txt;
it times nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench import docstrings
from bench.trl_common import COMMON
from tests.tiny_models import write_tiny_gguf

CONTESTANTS = {"trl": "TRL DPOTrainer, bf16=False", "ours": "engine.trainer"}
MAX_TOKENS = 256


def main() -> None:
    """Run both and print the curves and their largest difference; the exit code says whether it is below 2 %."""
    options = _options()
    if options.contestant:
        print(json.dumps(_run(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        base = options.base or write_tiny_gguf(Path(folder) / "tiny.gguf")
        results = {name: _in_own_process(name, base) for name in CONTESTANTS}
    print(_table(results, options))
    sys.exit(_largest_gap(results) >= 0.02)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="GGUF of the base model (default: a tiny random one)")
    parser.add_argument("--chats", type=Path, help="chat JSONL (default: the docstrings of the standard library)")
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=24, help="optimizer steps of each contestant")
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate, constant")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_own_process(name: str, base: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.dpo", *sys.argv[1:], "--base", str(base), "--contestant", name]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
    print(f"running: {CONTESTANTS[name]}", file=sys.stderr)
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=root)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def preferences(file: Path | None, count: int) -> Iterator[dict[str, Any]]:
    """The chats of `file`, or questions about the standard library: each answer is preferred to the next one's."""
    told = map(json.loads, file.read_text(encoding="utf-8").splitlines()) if file else docstrings.chats(count)
    chats = [chat["messages"] for chat in islice(told, count)]
    for (*asked, answer), (*_, other) in zip(chats, chats[1:] + chats[:1], strict=True):
        yield {"input": {"messages": asked}, "preferred_output": [answer], "non_preferred_output": [other]}


def _run(options: argparse.Namespace) -> dict[str, Any]:
    """One contestant: loss and reward margin of each step."""
    from engine.trainer import preference, recipe
    from engine.trainer.base_model import load_tokenizer

    tokenizer = load_tokenizer(options.base)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        rows = preferences(options.chats, options.pairs)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        pairs = preference.load(path, tokenizer, MAX_TOKENS)
        whole = len(pairs.examples) // options.batch * options.batch
        lengths = [len(pair) for pair in pairs.examples[:whole]]
        order = [some for epoch in range(99) for some in recipe.batches(lengths, options.batch, options.seed, epoch)]
        contest = _ours if options.contestant == "ours" else _trl
        return contest(options, tokenizer, pairs, order[: options.steps], Path(folder))


def _model(options: argparse.Namespace) -> Any:
    from engine.trainer import lora, precision
    from engine.trainer.base_model import load_model

    return lora.attach(load_model(options.base, precision.FP32.dtype, "sdpa"), None, options.seed)


def _ours(
    options: argparse.Namespace, tokenizer: Any, pairs: Any, order: Sequence[Any], folder: Path
) -> dict[str, Any]:
    from engine.trainer import preference, steps
    from engine.trainer.crew import Crew

    crew = Crew(options.threads, options.batch)
    objective = preference.Preference(_model(options), tokenizer.pad_token_id, options.beta)
    [known] = preference.refer_all(objective, [pairs], folder / "reference.json", crew)
    optimizer = steps.new_optimizer(objective.model)
    scores = [
        steps.train_step(objective, optimizer, options.rate, [known.examples[row] for row in rows], crew)
        for rows in order
    ]
    return {"losses": [one.loss for one in scores], "margins": [one.also["reward_margin"] for one in scores]}


def _trl(options: argparse.Namespace, tokenizer: Any, pairs: Any, order: Sequence[Any], folder: Path) -> dict[str, Any]:
    from datasets import Dataset
    from peft import LoraConfig, set_peft_model_state_dict

    from engine.trainer import lora, precision
    from engine.trainer.base_model import load_model

    trainer = _trl_trainer()(
        model=load_model(options.base, precision.FP32.dtype, "sdpa"),
        args=_trl_settings(options, folder),
        train_dataset=Dataset.from_list([_columns(pairs.examples[row]) for rows in order for row in rows]),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=lora.RANK, lora_alpha=lora.ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    set_peft_model_state_dict(trainer.model, lora.weights(_model(options)))
    trainer.train()
    told = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {"losses": [one["loss"] for one in told], "margins": [one["rewards/margins"] for one in told]}


def _trl_settings(options: argparse.Namespace, folder: Path) -> Any:
    from trl import DPOConfig

    return DPOConfig(
        output_dir=str(folder),
        bf16=False,
        max_steps=options.steps,
        beta=options.beta,
        max_length=MAX_TOKENS,
        learning_rate=options.rate,
        per_device_train_batch_size=options.batch,
        **COMMON,
        seed=options.seed,
    )


def _trl_trainer() -> Any:
    from torch.utils.data import SequentialSampler
    from trl import DPOTrainer

    class Trainer(DPOTrainer):  # type: ignore[misc]
        """TRL's trainer that takes pairs as they come, for they are our batches, and their tokens as they are."""

        def _get_train_sampler(self, *_: Any) -> Any:
            return SequentialSampler(self.train_dataset)

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return Trainer


def _columns(pair: Any) -> dict[str, list[int]]:
    """One pair as TRL has it once it is tokenised: what is trained is what follows the prompt."""
    start = pair.preferred.prompt_length
    sides = {"chosen_ids": pair.preferred, "rejected_ids": pair.other}
    ends = {name: start + sum(side.trained) for name, side in sides.items()}
    answers = {name: side.ids[start : ends[name]] for name, side in sides.items()}
    return {"prompt_ids": pair.preferred.ids[:start], **answers}


def _table(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """The curves, and the largest difference of a step's loss in per cent and of a step's margin in nats."""
    ours, theirs = results["ours"], results["trl"]
    lines = [
        f"{options.pairs} pairs, batches of {options.batch}, {options.steps} steps, beta {options.beta:g}, rate "
        f"{options.rate:g}, seed {options.seed}, {options.base.name if options.base else 'tiny random LLaMA'}",
        "",
        "| step | loss, TRL | loss, ours | margin, TRL | margin, ours |",
        "|---|---|---|---|---|",
    ]
    rows = zip(theirs["losses"], ours["losses"], theirs["margins"], ours["margins"], strict=True)
    lines += [f"| {step} | " + " | ".join(f"{one:.5f}" for one in row) + " |" for step, row in enumerate(rows, start=1)]
    margin = max(abs(one - other) for one, other in zip(ours["margins"], theirs["margins"], strict=True))
    return "\n".join(
        [*lines, "", f"largest difference: loss {_largest_gap(results):.3%}, margin {margin:.5f} nats (bar: 2 %)"]
    )


def _largest_gap(results: dict[str, dict[str, Any]]) -> float:
    pairs = zip(results["ours"]["losses"], results["trl"]["losses"], strict=True)
    return float(max(abs(ours / theirs - 1) for ours, theirs in pairs))


if __name__ == "__main__":
    main()
