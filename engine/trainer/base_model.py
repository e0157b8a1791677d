"""Loads a base model and its tokenizer from a GGUF file; it never reads a pickle.

GGUF files of the plain dense architectures are read directly, in about a second; transformers' own GGUF path parses
the vocabulary once per object and takes half a minute on a slow core, so it serves the other architectures only.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import gguf
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.integrations.ggml import GGUF_CONFIG_MAPPING
from transformers.integrations.gguf import (
    GgufHeader,
    convert_gguf_tokenizer,
    get_gguf_tokenizer,
    load_gguf_state_dict,
    read_gguf_metadata,
)
from transformers.integrations.gguf.dequant import dequantize

from engine.trainer.errors import UnsupportedBaseModel

DIRECT = ("llama", "qwen2", "qwen3")  # architectures whose tensors map one to one onto transformers' modules


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a GGUF file, with its chat template."""
    try:
        architecture, vocabulary, settings = get_gguf_tokenizer(str(path))
    except (ValueError, OSError) as error:
        raise UnsupportedBaseModel(f"{path.name} cannot be read as a GGUF file: {error}") from error
    backend, extra = convert_gguf_tokenizer(architecture, vocabulary)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **settings, **extra)


def count_weights(path: Path) -> tuple[int, int]:
    """How many numbers the weights of a GGUF file are, and its largest tensor; 0 if a tensor's type is unknown."""
    if not _every_tensor_type_is_known(path):
        return 0, 0
    sizes = [prod(tensor.shape) for tensor in GgufHeader.from_file(str(path)).tensors]
    return sum(sizes), max(sizes)


def load_model(path: Path, dtype: torch.dtype, attention: str) -> Any:
    """The model of a GGUF file, its weights in `dtype`."""
    metadata, tensor_names = read_gguf_metadata(str(path))
    if metadata["general.architecture"] in DIRECT and _every_tensor_type_is_known(path):
        return _load_direct(path, metadata, tensor_names, dtype, attention)
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=dtype, attn_implementation=attention, local_files_only=True
    )


def _every_tensor_type_is_known(path: Path) -> bool:
    try:
        GgufHeader.from_file(str(path))
    except ValueError:
        return False
    return True


def _load_direct(
    path: Path, metadata: dict[str, Any], tensor_names: tuple[str, ...], dtype: torch.dtype, attention: str
) -> Any:
    config = _config(metadata, tensor_names)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)
    weights = dict(_weights(path, config, dtype, list(model.state_dict())))
    missing, _ = model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    still_missing = set(missing) - set(model.all_tied_weights_keys)
    if still_missing:
        raise UnsupportedBaseModel(f"{path.name} lacks the weights {sorted(still_missing)[:3]}.")
    _materialise_rotary(model, path)
    return model


def _config(metadata: dict[str, Any], tensor_names: tuple[str, ...]) -> Any:
    architecture = metadata["general.architecture"]
    settings = {
        theirs: metadata[f"{architecture}.{ours}"]
        for ours, theirs in GGUF_CONFIG_MAPPING[architecture].items()
        if theirs and f"{architecture}.{ours}" in metadata
    }
    settings.setdefault("vocab_size", metadata["tokenizer.ggml.tokens"])  # the reader leaves arrays as counts
    settings.setdefault("head_dim", metadata.get(f"{architecture}.attention.key_length"))
    return AutoConfig.for_model(
        architecture,
        **{name: value for name, value in settings.items() if value is not None},
        tie_word_embeddings="output.weight" not in tensor_names,
        bos_token_id=metadata.get("tokenizer.ggml.bos_token_id"),
        eos_token_id=metadata.get("tokenizer.ggml.eos_token_id"),
        pad_token_id=metadata.get("tokenizer.ggml.padding_token_id"),
    )


def tensor_names_of(architecture: str, layers: int) -> gguf.TensorNameMap:
    """The gguf package's map from transformers' module names to GGUF tensor names."""
    known = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}
    if architecture not in known:
        raise UnsupportedBaseModel(f"Models of architecture {architecture!r} cannot be served by llama.cpp.")
    return gguf.get_tensor_name_map(known[architecture], layers)


def _weights(path: Path, config: Any, dtype: torch.dtype, wanted: list[str]) -> Iterator[tuple[str, torch.Tensor]]:
    stored = load_gguf_state_dict(GgufHeader.from_file(str(path)))
    names = tensor_names_of(config.model_type, config.num_hidden_layers)
    for name in wanted:
        tensor = stored.get(names.get_name(name, try_suffixes=(".weight", ".bias")) or "")
        if tensor is None:
            continue
        values = _values(tensor)
        if config.model_type == "llama" and ".self_attn." in name:
            values = _rows_as_transformers_has_them(values, name, config)
        yield name, values.to(dtype)


def _values(tensor: Any) -> torch.Tensor:
    raw: torch.Tensor = tensor[...]
    if raw.dtype != torch.uint8:
        return raw
    weights: torch.Tensor = dequantize(raw, tensor.ggml_type)
    return weights.reshape(raw.shape[0], -1)


def _rows_as_transformers_has_them(weight: torch.Tensor, name: str, config: Any) -> torch.Tensor:
    """Undo the q/k row order of llama-family GGUF files (rotary pairs side by side)."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None:
        return weight
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _materialise_rotary(model: Any, path: Path) -> None:
    """Give the rotary embedding real buffers, scaled by the file's `rope_freqs` factors if it has them (Llama 3)."""
    decoder = getattr(model, model.base_model_prefix)
    decoder.rotary_emb = type(decoder.rotary_emb)(config=model.config)
    factors = load_gguf_state_dict(GgufHeader.from_file(str(path))).get("rope_freqs.weight")
    if factors is not None:
        decoder.rotary_emb.inv_freq.div_(factors[...].float())
        decoder.rotary_emb.original_inv_freq = decoder.rotary_emb.inv_freq.clone()
