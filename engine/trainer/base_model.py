"""Loads a base model from a GGUF file; it never reads a pickle.

Files are read directly, in about a second; transformers' own GGUF path parses the vocabulary once per object and takes
half a minute on a slow core. What is peculiar to an architecture is in `engine.architectures`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import gguf
import torch
from accelerate import init_empty_weights
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.initialization import no_init_weights
from transformers.integrations.gguf import (
    GgufHeader,
    convert_gguf_tokenizer,
    get_gguf_tokenizer,
    load_gguf_state_dict,
    read_gguf_metadata,
)
from transformers.integrations.gguf.dequant import dequantize

from engine import architectures, control_tokens
from engine.architectures import Architecture
from engine.trainer.errors import UnsupportedBaseModel

ROPE_FACTORS = "rope_freqs.weight"


@dataclass(frozen=True)
class Stored:
    """One tensor of a file: how many numbers it has, and how to read them, dequantised."""

    size: int
    read: Callable[[], torch.Tensor]


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a GGUF file, with its chat template, and its `control_tokens` (engine.control_tokens)."""
    try:
        name, vocabulary, settings = get_gguf_tokenizer(str(path))
        _architecture(name, path)
        backend, extra = convert_gguf_tokenizer(name, _as_llama_cpp_reads_it(vocabulary))
    except (ValueError, OSError) as error:
        raise UnsupportedBaseModel(f"{path.name} cannot be read as a GGUF file: {error}") from error
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **settings, **extra)
    tokenizer.control_tokens = control_tokens.of(path)
    return tokenizer


def _as_llama_cpp_reads_it(vocabulary: dict[str, Any]) -> dict[str, Any]:
    """Have a SentencePiece vocabulary without space prefix read as llama.cpp does: runs of spaces whole.

    Of transformers' readers only that for Gemma 4 does so; the one for Gemma 3 merges them with what follows.
    """
    unprefixed = vocabulary.get("tokenizer_type") == "llama" and not vocabulary.get("add_prefix_space", True)
    return vocabulary | {"tokenizer_type": "gemma4"} if unprefixed else vocabulary


def count_weights(path: Path) -> tuple[int, int]:
    """How many numbers the weights of a GGUF file are, and its largest tensor."""
    sizes = [tensor.size for tensor in _stored(path).values()]
    return sum(sizes), max(sizes)


def load_model(path: Path, dtype: torch.dtype, attention: str) -> Any:
    """The model of a GGUF file, its weights in `dtype`."""
    metadata, _ = read_gguf_metadata(str(path))
    architecture = _architecture(metadata["general.architecture"], path)
    stored = _stored(path)
    # Buffers are computed, not read. To draw random numbers for weights without bytes would load a second of modules.
    with init_empty_weights(include_buffers=False), no_init_weights():
        model = AutoModelForCausalLM.from_config(
            _config(architecture, metadata, stored), dtype=dtype, attn_implementation=attention
        )
    names = _names_in_file(model, metadata["general.architecture"])
    strange = sorted(stored.keys() - {*names.values(), ROPE_FACTORS})
    if strange:
        raise UnsupportedBaseModel(f"{path.name} has weights that its architecture has no place for: {strange[:3]}.")
    weights = {
        ours: _as_transformers_has_it(stored[theirs].read(), ours, model.config, architecture).to(dtype)
        for ours, theirs in names.items()
        if theirs in stored
    }
    missing, _ = model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    lacking = sorted(set(missing) - set(model.all_tied_weights_keys))
    if lacking:
        raise UnsupportedBaseModel(f"{path.name} lacks the weights {lacking[:3]}.")
    if ROPE_FACTORS in stored:
        _scale_rotary(model, stored[ROPE_FACTORS].read())
    return model


def tensor_names_of(architecture: str, layers: int) -> gguf.TensorNameMap:
    """The gguf package's map from transformers' module names to GGUF tensor names."""
    known = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}
    return gguf.get_tensor_name_map(known[architecture], layers)


def _architecture(name: str, path: Path) -> Architecture:
    try:
        return architectures.of(name, path.name)
    except architectures.Unsupported as reason:
        raise UnsupportedBaseModel(str(reason)) from None


def _config(architecture: Architecture, metadata: Mapping[str, Any], stored: Mapping[str, Stored]) -> Any:
    try:
        settings = architectures.configuration(metadata, stored)
    except architectures.Unsupported as reason:
        raise UnsupportedBaseModel(str(reason)) from None
    return AutoConfig.for_model(
        architecture.model_type,
        **settings,
        vocab_size=metadata["tokenizer.ggml.tokens"],  # the reader leaves arrays as counts
        bos_token_id=metadata.get("tokenizer.ggml.bos_token_id"),
        eos_token_id=metadata.get("tokenizer.ggml.eos_token_id"),
        pad_token_id=metadata.get("tokenizer.ggml.padding_token_id"),
    )


def _stored(path: Path) -> dict[str, Stored]:
    """Every tensor of a file by its name there, none of them read yet."""
    try:
        header = GgufHeader.from_file(str(path))
    except ValueError:  # a type that transformers does not know, such as Q5_0; gguf takes longer
        return {
            tensor.name: Stored(tensor.n_elements, partial(_by_gguf, tensor))
            for tensor in gguf.GGUFReader(path).tensors
        }
    lazy = load_gguf_state_dict(header)
    return {info.name: Stored(prod(info.shape), partial(_by_torch, lazy[info.name])) for info in header.tensors}


def _by_torch(tensor: Any) -> torch.Tensor:
    raw: torch.Tensor = tensor[...]
    if raw.dtype != torch.uint8:
        return raw
    weights: torch.Tensor = dequantize(raw, tensor.ggml_type)
    return weights.reshape(raw.shape[0], -1)


def _by_gguf(tensor: gguf.ReaderTensor) -> torch.Tensor:
    try:
        return torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
    except NotImplementedError:
        kind = tensor.tensor_type.name
        raise UnsupportedBaseModel(f"The weights of {tensor.name} are of type {kind}, which cannot be read.") from None


def _names_in_file(model: Any, architecture: str) -> dict[str, str]:
    """The names of the model's weights, and those that a GGUF file has for them."""
    names = tensor_names_of(architecture, model.config.num_hidden_layers)
    found = ((name, names.get_name(name, try_suffixes=(".weight", ".bias"))) for name in model.state_dict())
    return {ours: theirs for ours, theirs in found if theirs is not None}


def _as_transformers_has_it(weight: torch.Tensor, name: str, config: Any, architecture: Architecture) -> torch.Tensor:
    if architecture.norms_from_one and name.endswith("norm.weight"):
        return weight.float() - 1
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None or not architecture.rotary_pairs:
        return weight
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _scale_rotary(model: Any, factors: torch.Tensor) -> None:
    """Scale the rotary embedding by the file's factors, which Llama 3 has."""
    rotary = getattr(model, model.base_model_prefix).rotary_emb
    rotary.inv_freq.div_(factors.float())
    rotary.original_inv_freq = rotary.inv_freq.clone()
