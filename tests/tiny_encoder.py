"""A random one-layer BERT sentence encoder as encoders are published: safetensors, vocabulary, tokenizer, settings."""

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import BertWordPieceTokenizer

from engine import bert_gguf

WIDTH, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 384, 1, 12, 64, 512
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_PIECES = [*string.ascii_lowercase, *string.digits, *"ᄀᄃᄅᄋ", *"ᅡᅢᅳᅵ", *"ᆨᆯᆼ", *"ाि्ी", *"कखगस"]
VOCABULARY = [*_SPECIAL, *_PIECES, *(f"##{piece}" for piece in _PIECES), *"大海灯塔.?!", "the", "sea", "##house"]
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": FEED_FORWARD,
    "max_position_embeddings": CONTEXT,
    "type_vocab_size": 2,
    "vocab_size": len(VOCABULARY),
    "layer_norm_eps": 1e-12,
}


def publish_tiny_encoder(folder: Path, mean: bool = True, **config: Any) -> Path:
    """Write the files of `bert_gguf.FILES` to `folder` and return it; `config` changes what config.json says."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / bert_gguf.POOLING).write_text(json.dumps({"pooling_mode_mean_tokens": mean}))
    (folder / bert_gguf.CONFIG).write_text(json.dumps(CONFIG | config))
    (folder / bert_gguf.VOCABULARY).write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    tokenizer = BertWordPieceTokenizer(str(folder / bert_gguf.VOCABULARY))
    tokenizer.enable_truncation(128)  # as the published one has it
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(folder / bert_gguf.TOKENIZER))
    save_file(dict(_tensors()), folder / bert_gguf.WEIGHTS)
    return folder


def plant_tiny_encoder(data_dir: Path) -> None:
    """Put the tiny encoder where `python -m engine pull all-minilm-l6-v2` would put that model."""
    source = publish_tiny_encoder(data_dir / "published")
    target = data_dir / "models" / "all-minilm-l6-v2" / "all-minilm-l6-v2.gguf"
    target.parent.mkdir(parents=True)
    bert_gguf.convert(source, target, "tiny")


def _tensors() -> Iterator[tuple[str, np.ndarray]]:
    random = np.random.default_rng(11)

    def weight(*shape: int) -> np.ndarray:
        return random.normal(0, 0.1, shape).astype(np.float32)

    sizes = {"word": len(VOCABULARY), "position": CONTEXT, "token_type": 2}
    yield from ((f"embeddings.{name}_embeddings.weight", weight(size, WIDTH)) for name, size in sizes.items())
    yield "embeddings.position_ids", np.arange(CONTEXT)[None]
    yield "pooler.dense.weight", weight(WIDTH, WIDTH)
    yield "pooler.dense.bias", weight(WIDTH)
    layer = "encoder.layer.0"
    inner = [f"attention.self.{name}" for name in ("query", "key", "value")] + ["attention.output.dense"]
    shapes = dict.fromkeys(inner, (WIDTH, WIDTH))
    shapes |= {"intermediate.dense": (FEED_FORWARD, WIDTH), "output.dense": (WIDTH, FEED_FORWARD)}
    for name, shape in shapes.items():
        yield f"{layer}.{name}.weight", weight(*shape)
        yield f"{layer}.{name}.bias", weight(shape[0])
    for name in ("embeddings.LayerNorm", f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
        yield f"{name}.weight", 1 + weight(WIDTH)
        yield f"{name}.bias", weight(WIDTH)
