"""The model architectures that are trained and served alike, and all that is peculiar to each; it loads no weights.

Names and keys on the left are those of GGUF files, on the right those of transformers' configurations. What is in the
table is held to it by tests: trainer and llama.cpp compute the same with a small random model of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import gguf_header

Metadata = Mapping[str, Any]
_COMMON = {
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "block_count": "num_hidden_layers",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
# llama.cpp's own, where a file does not say.
_ROPE_BASE = 10_000.0
_GEMMA_PERIOD = 6
_GEMMA_27B_LAYERS = 62


class Unsupported(ValueError):
    """A GGUF file's architecture or one of its settings is none that is trained and served alike."""

    code = "unsupported_base_model"


@dataclass(frozen=True)
class Architecture:
    """One architecture: `models` that have it, transformers' `model_type`, and how its files differ from the plain."""

    models: str
    model_type: str
    peculiar: Callable[[dict[str, Any], Metadata], dict[str, Any]] | None = None
    """More of the configuration, from what is common and the file's keys without the architecture's name."""
    rotary_pairs: bool = False
    """Rows of q and k are stored as rotary pairs side by side; transformers has the pairs' halves behind each other."""
    norms_from_one: bool = False
    """Files have 1 + w for the norms' weights, transformers has w."""


def _gemma3(config: dict[str, Any], metadata: Metadata) -> dict[str, Any]:
    """Every sixth layer sees all, with a rotary base of its own; the others see a window."""
    if metadata.get("final_logit_softcapping"):
        raise Unsupported("The file caps its logits, as no Gemma 3 that is known does; that is not supported.")
    layers, window = config["num_hidden_layers"], metadata.get("attention.sliding_window", 0)
    period = metadata.get("attention.sliding_window_pattern", _GEMMA_PERIOD)
    sees_window = period if isinstance(period, list) else [(layer + 1) % period for layer in range(layers)]
    local = {"rope_type": "default", "rope_theta": metadata.get("rope.freq_base_swa", _ROPE_BASE)}
    # The largest alone scales by the width of a head that its attention has not.
    wide = layers == _GEMMA_27B_LAYERS
    return {
        "layer_types": ["sliding_attention" if window and one else "full_attention" for one in sees_window],
        "sliding_window": window or None,
        "rope_parameters": {"full_attention": config["rope_parameters"], "sliding_attention": local},
        "query_pre_attn_scalar": config["hidden_size"] // config["num_attention_heads"] if wide else config["head_dim"],
    }


SUPPORTED = {
    "llama": Architecture("Llama 3, SmolLM2 and their like", "llama", rotary_pairs=True),
    "qwen2": Architecture("Qwen 2 and 2.5", "qwen2"),
    "qwen3": Architecture("Qwen 3, dense", "qwen3"),
    "gemma3": Architecture("Gemma 3, text", "gemma3_text", _gemma3, norms_from_one=True),
}


def of(name: str, file: str) -> Architecture:
    """Return the architecture called `name` in the GGUF `file`.

    Raises:
        Unsupported: it is not in the table; the message names those that are.
    """
    if name not in SUPPORTED:
        known = ", ".join(f"{one} ({known.models})" for one, known in SUPPORTED.items())
        raise Unsupported(
            f"{file} is a model of the architecture '{name}', which is not supported; these are: {known}."
        )
    return SUPPORTED[name]


def configuration(metadata: Metadata, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return what transformers' configuration of a file with these keys and tensors says, `model_type` apart.

    Raises:
        Unsupported: its positions are stretched in a way that transformers and llama.cpp do not do alike.
    """
    name = metadata["general.architecture"]
    own = {key.removeprefix(f"{name}."): value for key, value in metadata.items() if key.startswith(f"{name}.")}
    config = {theirs: own[ours] for ours, theirs in _COMMON.items() if ours in own}
    config.setdefault("num_key_value_heads", config["num_attention_heads"])
    config.setdefault("head_dim", config["hidden_size"] // config["num_attention_heads"])
    config["rope_parameters"] = _rope(name, own)
    config["tie_word_embeddings"] = "output.weight" not in tensors
    peculiar = SUPPORTED[name].peculiar
    return config | peculiar(config, own) if peculiar else config


def _rope(name: str, own: Metadata) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": own.get("rope.freq_base", _ROPE_BASE)}
    kind, factor = own.get("rope.scaling.type", "none"), own.get("rope.scaling.factor", 1.0)
    if kind == "linear":
        return rope | {"rope_type": "linear", "factor": factor}
    if kind != "none":
        raise Unsupported(f"The file's positions are stretched by '{kind}', which is not supported for {name}.")
    return rope


def check(file: Path) -> None:
    """Raise Unsupported if `file` is a GGUF of an architecture that is not in the table; other files are not judged."""
    name = gguf_header.read(file).architecture
    if name:
        of(name, file.name)
