"""Writes a peft LoRA adapter as the GGUF LoRA that llama.cpp loads; it does not merge and does not quantise."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from engine.architectures import SUPPORTED
from engine.trainer.base_model import tensor_names_of

# GGUF's names of architectures by transformers' of model types
NAMES = {architecture.model_type: name for name, architecture in SUPPORTED.items()}
PREFIX = "base_model.model."


def write_gguf_lora(weights: dict[str, torch.Tensor], alpha: float, config: Any, path: Path) -> None:
    """Write adapter `weights` (peft's names and shapes) trained on a model of `config` to `path`, in float32."""
    architecture = NAMES[config.model_type]
    names = tensor_names_of(architecture, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(alpha))
    for name, weight in weights.items():
        module, side = name.removeprefix(PREFIX).removesuffix(".weight").rsplit(".lora_", 1)
        values = weight.detach().float().numpy()
        if SUPPORTED[architecture].rotary_pairs and side == "B":
            values = rows_as_llama_cpp_has_them(values, module, config)
        target = names.get_name(module)
        if target is None:
            raise ValueError(f"llama.cpp has no tensor for the adapted module {module}.")
        writer.add_tensor(f"{target}.weight.lora_{side.lower()}", np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rows_as_llama_cpp_has_them(rows: np.ndarray, module: str, config: Any) -> np.ndarray:
    """Put q/k output rows, split in two rotary halves per head, into pairs side by side; other modules stay."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(module.rsplit(".")[-1])
    if heads is None:
        return rows
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
