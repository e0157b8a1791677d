"""What a user of TRL gets from some rows: `python -m bench.trl_adapter BASE.gguf ROWS.jsonl OUT.gguf HOW SEED`.

HOW is `defaults`, or `careful`: the loss on the answers alone, a rate and as many steps as small sets need. Needs
requirements/bench.txt; the adapter is written as llama.cpp reads it.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

CAREFUL_STEPS = 90


def settings(how: str, rows: int) -> dict[str, Any]:
    """What is given to TRL beside where it writes."""
    if how == "defaults":
        return {}
    batch = 4 if rows < 100 else 8
    epochs = max(3, round(CAREFUL_STEPS * batch / rows))
    return {
        "learning_rate": 5e-4,
        "per_device_train_batch_size": batch,
        "num_train_epochs": min(20, epochs),
        "warmup_steps": 0.1,
    }


def main() -> None:
    """Train, and write the adapter."""
    base, path, target, how, seed = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from engine.trainer import lora
    from engine.trainer.base_model import load_model, load_tokenizer
    from engine.trainer.export import write_gguf_lora

    chats = [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]
    careful = [{"prompt": chat[:-1], "completion": chat[-1:]} for chat in chats]
    rows = careful if how == "careful" else [{"messages": chat} for chat in chats]
    model = load_model(base, torch.float32, "sdpa")
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"save_strategy": "no", "report_to": "none", "disable_tqdm": True, "use_cpu": True}
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(output_dir=folder, seed=int(seed), **quiet, **settings(how, len(rows))),
            train_dataset=Dataset.from_list(rows),
            processing_class=load_tokenizer(base),
            peft_config=LoraConfig(
                r=lora.RANK, lora_alpha=lora.ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
        )
        trainer.train()
    write_gguf_lora(lora.weights(trainer.model), lora.ALPHA, model.config, target)


if __name__ == "__main__":
    main()
