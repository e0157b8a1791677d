"""A BERT sentence encoder as its makers publish it, written as the one GGUF that llama.cpp serves; it loads no torch.

llama.cpp's own reader of such vocabularies drops the vowel signs of Korean and Hindi (docs/log.md), so the encoder's
tokenizer.json stays beside the GGUF, and whoever asks for embeddings sends token ids.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import safe_open

from engine import durable

WEIGHTS, CONFIG, VOCABULARY, TOKENIZER, POOLING = (
    "model.safetensors",
    "config.json",
    "vocab.txt",
    "tokenizer.json",
    "1_Pooling/config.json",
)
FILES = (WEIGHTS, CONFIG, VOCABULARY, TOKENIZER, POOLING)
_EXPECTED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_FULL_PRECISION = ("position_embd", "token_types")
_UNUSED = ("pooler.", "embeddings.position_ids")  # sentence encoders average all words instead


class Unconvertible(ValueError):
    """The encoder is of a kind that is not known here; the message says which."""


def convert(source: Path, target: Path, name: str) -> None:
    """Write the encoder in the folder `source` (FILES) to `target`, its matrices in float16, then its tokenizer beside.

    `target` appears last, and whole.

    Raises:
        Unconvertible: it is no BERT, or makes its vectors in another way than from all words' mean.
    """
    config, pooling = _json(source / CONFIG), _json(source / POOLING)
    for key, wanted in _EXPECTED.items():
        if config.get(key, wanted) != wanted:
            raise Unconvertible(f"{CONFIG} has the {key} {config[key]!r}, but only {wanted!r} can be converted.")
    if not pooling.get("pooling_mode_mean_tokens"):
        raise Unconvertible(f"{POOLING} says that vectors are no means of all words, and only such can be converted.")
    durable.write_text(target.with_name(TOKENIZER), (source / TOKENIZER).read_text(encoding="utf-8"))
    with durable.replace(target) as unfinished:
        writer = gguf.GGUFWriter(unfinished.name, "bert")
        _add_facts(writer, config, name)
        _add_vocabulary(writer, _lines(source / VOCABULARY), config)
        for tensor, values in _tensors(source / WEIGHTS, config["num_hidden_layers"]):
            writer.add_tensor(tensor, values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _lines(file: Path) -> list[str]:
    """Return one token a line; some tokens are such characters as `splitlines` would split at."""
    return file.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def _add_facts(writer: gguf.GGUFWriter, config: dict[str, Any], name: str) -> None:
    writer.add_name(name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def _add_vocabulary(writer: gguf.GGUFWriter, tokens: list[str], config: dict[str, Any]) -> None:
    """Add the word pieces as llama.cpp spells them: what begins a word has a mark, what goes on has none."""
    if len(tokens) != config["vocab_size"]:
        raise Unconvertible(f"{VOCABULARY} has {len(tokens)} tokens, but {CONFIG} says {config['vocab_size']}.")
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([token if token in _SPECIAL else _spelt(token) for token in tokens])
    writer.add_token_types([control if token in _SPECIAL else normal for token in tokens])
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_eos_token_id(tokens.index("[SEP]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_pad_token_id(tokens.index("[PAD]"))
    writer.add_mask_token_id(tokens.index("[MASK]"))


def _spelt(token: str) -> str:
    return token[2:] if token.startswith("##") else f"\u2581{token}"


def _tensors(file: Path, layers: int) -> Iterator[tuple[str, np.ndarray]]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    with safe_open(file, framework="numpy") as tensors:
        for published in tensors.keys():  # noqa: SIM118 - it is no mapping
            name = published.removeprefix("bert.")
            if name.startswith(_UNUSED):
                continue
            target = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if target is None:
                raise Unconvertible(f"{WEIGHTS} holds {published}, which llama.cpp has no place for.")
            values = tensors.get_tensor(published)
            is_small = values.ndim == 1 or target.startswith(_FULL_PRECISION)
            yield target, values.astype(np.float32 if is_small else np.float16)
