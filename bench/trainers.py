"""One trainer at work, in a process of its own: `python -m bench.trainers BASE.gguf NAME STEPS`; the last line is JSON.

All have the same base, adapter, rows, batch and rate, and of each step tell the seconds, the tokens without padding and
the loss. Needs requirements/bench.txt; `bench.train` compares them.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import docstrings

ROWS, BATCH, MOST_TOKENS = 200, 8, 512
LEARNING_RATE = 5e-4
THREADS = os.cpu_count() or 1
# What each of TRL's is given beside the common settings; the last one gets our batches, for its losses.
TRL: dict[str, dict[str, Any]] = {
    "trl": {},
    "trl-tuned": {"bf16": True, "gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"},
    "trl-fp32": {"bf16": False},
}
COMMON: dict[str, Any] = {
    "learning_rate": LEARNING_RATE,
    "per_device_train_batch_size": BATCH,
    "lr_scheduler_type": "constant",
    "seed": 1,
    "use_cpu": True,
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "dataset_kwargs": {"skip_prepare_dataset": True},
}
PEAK_SIDE, PEAK_ROUNDS = 2048, 8


def main() -> None:
    """Run one trainer and print what it did."""
    base, name, steps = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    from engine.trainer import data, recipe
    from engine.trainer.base_model import load_tokenizer

    tokenizer = load_tokenizer(base)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in docstrings.chats(ROWS)), encoding="utf-8")
        examples = data.load(path, tokenizer, MOST_TOKENS).examples
        lengths = [len(example) for example in examples[: len(examples) // BATCH * BATCH]]
        order = [rows for epoch in range(99) for rows in recipe.batches(lengths, BATCH, 1, epoch)]
        batches = [[examples[row] for row in rows] for rows in order[:steps]]
        told = _ours(base, tokenizer, batches) if name == "ours" else _trl(name, base, tokenizer, batches, Path(folder))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    print(json.dumps({"megabytes": memory, "peak": _peak()} | told))


def _peak() -> float:
    """Multiplications and additions a second of large bfloat16 matrices on all cores: the machine's limit."""
    import torch

    torch.set_num_threads(THREADS)
    left, right = (torch.randn(PEAK_SIDE, PEAK_SIDE, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(PEAK_ROUNDS):
        began = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - began)
    return float(2 * PEAK_SIDE**3 / min(seconds))


def _ours(base: Path, tokenizer: Any, batches: Sequence[Any]) -> dict[str, Any]:
    from engine.trainer import lora, precision, steps
    from engine.trainer.base_model import load_model
    from engine.trainer.crew import Crew

    precision.keep_memory()
    crew = Crew(THREADS, BATCH)
    arithmetic = precision.choose()
    precision.use(arithmetic)
    model = lora.attach(load_model(base, arithmetic.dtype, arithmetic.attention), None, seed=1)
    objective, optimizer = steps.Supervised(model, tokenizer.pad_token_id), steps.new_optimizer(model)
    seconds, losses = [], []
    for batch in batches:
        began = time.perf_counter()
        losses.append(steps.train_step(objective, optimizer, LEARNING_RATE, batch, crew).loss)
        seconds.append(time.perf_counter() - began)
    tokens = [sum(len(example) for example in batch) for batch in batches]
    weights = sum(weight.numel() for name, weight in model.named_parameters() if "lora" not in name)
    return {
        "seconds": seconds,
        "losses": losses,
        "tokens": tokens,
        "weights": weights,
        "arithmetic": arithmetic.name,
    }


def _trl(name: str, base: Path, tokenizer: Any, batches: Sequence[Any], folder: Path) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from peft import LoraConfig, set_peft_model_state_dict
    from trl import SFTConfig

    from engine.trainer import lora
    from engine.trainer.base_model import load_model

    weights = torch.bfloat16 if name == "trl-tuned" else torch.float32
    tokens: list[int] = []
    clock = _clock()
    rows = [_labelled(example) for batch in batches for example in batch]
    settings = SFTConfig(output_dir=str(folder), max_steps=len(batches), **COMMON, **TRL[name])
    trainer = _trl_trainer(name != "trl-fp32", tokens)(
        model=load_model(base, weights, "sdpa"),
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=lora.RANK, lora_alpha=lora.ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[clock],
    )
    start = lora.attach(load_model(base, torch.float32, "sdpa"), None, seed=1)
    set_peft_model_state_dict(trainer.model, lora.weights(start))
    del start
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"seconds": clock.seconds, "losses": losses, "tokens": tokens}


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
            self._began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self._began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.perf_counter() - self._began)

    return Clock()


if __name__ == "__main__":
    main()
