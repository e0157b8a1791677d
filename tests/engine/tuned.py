"""Tuned models that no job has made: random adapters of the tiny model, with the rows that name them."""

import hashlib
from pathlib import Path

import gguf
import numpy as np

from engine.parts import Parts
from engine.store import MODELS
from tests.tiny_models import LAYERS, WIDTH

RANK = 2


def publish(parts: Parts, folder: Path, name: str, seed: int) -> None:
    """Have the engine of `parts`, whose data are in `folder`, serve a model `name` that says what no other does."""
    adapter = folder / "jobs" / f"{seed}" / "adapter.gguf"
    adapter.parent.mkdir(parents=True)
    write_adapter(adapter, seed)
    sha256 = hashlib.sha256(adapter.read_bytes()).hexdigest()
    row = {"id": name, "job_id": "", "base": parts.models.default.id, "created_at": seed, "sha256": sha256}
    parts.store.insert({MODELS: [{**row, "adapter": str(adapter.relative_to(folder))}]})


def write_adapter(path: Path, seed: int) -> None:
    writer, drawn = gguf.GGUFWriter(path, "llama"), np.random.default_rng(seed)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(RANK))
    for layer in range(LAYERS):
        for side, shape in (("a", (RANK, WIDTH)), ("b", (WIDTH, RANK))):
            values = drawn.normal(0, 1, shape).astype(np.float32)
            writer.add_tensor(f"blk.{layer}.attn_output.weight.lora_{side}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
