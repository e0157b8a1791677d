"""A base model with an adapter of known strength, as the trainer leaves it behind, and what it answers when served."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine import parity
from engine.parity import compare
from engine.serving.process import ServedModel, ServerSettings
from engine.trainer import data, export, lora
from engine.trainer import parity as trainer_parity
from engine.trainer.base_model import load_model, load_tokenizer

SETTINGS = ServerSettings(context_tokens=256, parallel=1, threads=1)
ROWS = [
    {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "So it is."}]}
    for question in ("What is the sea?", "海是什么？")
]
Weights = dict[str, torch.Tensor]


@dataclass
class Trained:
    """A model with an adapter, as the trainer leaves it behind."""

    base: Path
    folder: Path
    weights: Weights
    config: Any

    def served(self, weights: Weights | None = None, alpha: float = lora.ALPHA) -> ServedModel:
        """Return the model served with `weights`, its own if none are given, exported with `alpha`."""
        adapter = self.folder / "served.gguf"
        export.write_gguf_lora(weights or self.weights, alpha, self.config, adapter)
        return ServedModel("tuned", self.base, adapter)

    def verdict(self, model: ServedModel) -> parity.Parity:
        return compare(model, self.folder / "parity.json", SETTINGS)


def make(base: Path, folder: Path, strength: float) -> Trained:
    """Give `base` a random adapter, which a training would have found by other means, and note its answers."""
    torch.set_num_threads(1)
    tokenizer = load_tokenizer(base)
    model = lora.attach(load_model(base, torch.float32, "eager"), None, seed=5).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, strength)
    examples = [data.encode(row, tokenizer, line)[0] for line, row in enumerate(ROWS, start=1)]
    (folder / "parity.json").write_text(json.dumps(trainer_parity.document(model, tokenizer, examples)))
    return Trained(base, folder, lora.weights(model), model.config)
