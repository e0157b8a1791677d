"""What the tiny models have in common: settings, random tensors of any type, vocabularies learned from a few lines."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

CONTROL, NORMAL, USER_DEFINED, BYTE, UNKNOWN = (
    gguf.TokenType.CONTROL,
    gguf.TokenType.NORMAL,
    gguf.TokenType.USER_DEFINED,
    gguf.TokenType.BYTE,
    gguf.TokenType.UNKNOWN,
)
# Merges learned without any splitting cross words, digits and line ends: a wrong splitting then shows in the ids.
CORPUS = [
    "The lamp is lit at 1200 and 2025, isn't it? They'll see the light; we've seen it.\n\nThe end.\n",
    "Honey!\n\nWhat do bees make? Honey, and the sea is deep, the sea is wide. 12 + 12 = 24\n",
    "灯塔在海边。灯塔的灯亮了，海很深。蜜蜂做蜂蜜。\n\n    return x == 100\n\tdef f(a):\n        pass\n",
    "Ça va été à l'école, Straße, naïve café. Привет, море! مرحبا 🐝🐝 👩‍🚀",
] * 3


@dataclass(frozen=True)
class Shape:
    """Sizes of a model; `head` need not be width / heads."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head: int = 32
    feed_forward: int = 96
    context: int = 512


class Weights:
    """Random matrices with a seed of their own, and vectors near one."""

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)

    def matrix(self, rows: int, columns: int, spread: float = 0.15) -> np.ndarray:
        return self._random.normal(0, spread, (rows, columns)).astype(np.float32)

    def near_one(self, length: int) -> np.ndarray:
        return self._random.normal(1, 0.15, length).astype(np.float32)


def begin(path: Path, architecture: str, shape: Shape) -> gguf.GGUFWriter:
    """Return a writer that has the settings every architecture has."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_layer_norm_rms_eps(1e-6)
    return writer


def add_vocabulary(
    writer: gguf.GGUFWriter, vocabulary: Mapping[str, gguf.TokenType], special: Mapping[str, str]
) -> None:
    """Add tokens with their types in their order, and the ids of those of `special`, such as bos and eos."""
    writer.add_token_list(list(vocabulary))
    writer.add_token_types(list(vocabulary.values()))
    for role, token in special.items():
        getattr(writer, f"add_{role}_token_id")(list(vocabulary).index(token))


def finish(writer: gguf.GGUFWriter, tensors: Iterable[tuple[str, np.ndarray]], kind: str) -> None:
    """Write `tensors`, matrices as `kind` (F32, F16, Q8_0, ...), vectors as they are, and close the file."""
    type_of_matrices = gguf.GGMLQuantizationType[kind]
    for name, values in tensors:
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, quantize(values, type_of_matrices), raw_dtype=type_of_matrices)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def decoder(
    shape: Shape, vocabulary: int, norms: Sequence[str], tied: bool, normed: Sequence[str] = ("q", "k")
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a decoder's tensors; a layer has `norms` as wide as the model, and one for each head of `normed`."""
    weights = Weights()
    yield "token_embd.weight", weights.matrix(vocabulary, shape.width, spread=0.3)
    yield "output_norm.weight", weights.near_one(shape.width)
    if not tied:
        yield "output.weight", weights.matrix(vocabulary, shape.width)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        for name in norms:
            yield f"{block}.{name}.weight", weights.near_one(shape.width)
        for name, heads in (("q", shape.heads), ("k", shape.kv_heads), ("v", shape.kv_heads)):
            yield f"{block}.attn_{name}.weight", weights.matrix(heads * shape.head, shape.width)
        for name in normed:
            yield f"{block}.attn_{name}_norm.weight", weights.near_one(shape.head)
        yield f"{block}.attn_output.weight", weights.matrix(shape.width, shape.heads * shape.head)
        yield f"{block}.ffn_gate.weight", weights.matrix(shape.feed_forward, shape.width)
        yield f"{block}.ffn_up.weight", weights.matrix(shape.feed_forward, shape.width)
        yield f"{block}.ffn_down.weight", weights.matrix(shape.width, shape.feed_forward)


def learn_byte_merges(count: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Return byte-level pieces, the 256 bytes first, and the merges that make them."""
    return _learn(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), None, count)


def learn_pieces(count: int) -> list[str]:
    """Return SentencePiece-like pieces, words' beginnings marked, the earliest merged first and single letters last."""
    pieces, merges = _learn(None, normalizers.Replace(" ", "\u2581"), count)
    merged = ["".join(pair) for pair in merges]
    return [*dict.fromkeys(merged), *(piece for piece in pieces if len(piece) == 1)]


def _learn(
    pre_tokenizer: pre_tokenizers.PreTokenizer | None, normalizer: normalizers.Normalizer | None, count: int
) -> tuple[list[str], list[tuple[str, str]]]:
    learner = Tokenizer(models.BPE())
    if pre_tokenizer is not None:
        learner.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        learner.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet() if pre_tokenizer is not None else []
    learner.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=count, initial_alphabet=sorted(alphabet), max_token_length=12, show_progress=False
        ),
    )
    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    return pieces, [tuple(pair) for pair in learned["merges"]]
