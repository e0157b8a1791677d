"""Embeddings as the official SDK sees them: the engine's app in this process, a tiny encoder behind it."""

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import quicktok
from flask import Flask
from openai import OpenAI

from config import EngineConfig
from engine import embeddings
from engine.app import create_engine
from engine.catalogue import BaseModel
from tests.engine.chatting import finished
from tests.tiny_encoder import plant_tiny_encoder
from wire.embeddings import EmbeddingCreate
from wire.errors import BadRequest
from wire.requests import parse

MODEL = "all-minilm-l6-v2"
TEXTS = ["the sea", "the house", "大海", "등대"]


@pytest.fixture(scope="module")
def app(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("engine")
    plant_tiny_encoder(folder)
    app = create_engine(
        EngineConfig(data_dir=folder, base_model=str(tiny_gguf), context_tokens=256, parallel=2, serving_threads=1)
    )
    yield app
    app.extensions["engine"].pool.close()


def embed(client: OpenAI, given: Any = "the sea", **fields: Any) -> Any:
    return client.embeddings.create(**{"model": MODEL, "input": given, **fields})


def vectors(answer: Any) -> np.ndarray:
    return np.array([row.embedding for row in answer.data])


def test_an_answer_has_the_wires_shape(app: Flask) -> None:
    reply = app.test_client().post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": "the sea"})
    answer = json.loads(reply.data)
    (row,) = answer.pop("data")
    assert len(row.pop("embedding")) == 384
    assert row == {"object": "embedding", "index": 0}
    assert answer == {"object": "list", "model": MODEL, "usage": {"prompt_tokens": 4, "total_tokens": 4}}


def test_each_text_has_its_vector_of_length_one_in_its_place(client: OpenAI) -> None:
    together = embed(client, TEXTS)
    assert [row.index for row in together.data] == [0, 1, 2, 3]
    assert np.allclose(np.linalg.norm(vectors(together), axis=1), 1, atol=1e-5)
    alone = np.array([vectors(embed(client, text))[0] for text in TEXTS])
    assert np.allclose(vectors(together), alone, atol=1e-4)
    assert not np.allclose(alone[0], alone[1], atol=1e-2)


def test_base64_is_little_endian_float32_and_the_sdks_silent_wish(client: OpenAI) -> None:
    told = [embed(client, "the sea", encoding_format=form).data[0].embedding for form in ("float", "base64")]
    unpacked = struct.unpack("<384f", base64.b64decode(told[1]))
    assert np.allclose(told[0], unpacked, atol=1e-6)
    assert np.allclose(vectors(embed(client, "the sea"))[0], unpacked)


def test_many_texts_go_to_the_model_in_batches_and_stay_in_order(client: OpenAI) -> None:
    texts = [f"{number} the sea" * (number % 40 + 1) for number in range(120)]
    together = embed(client, texts)
    assert together.usage.prompt_tokens > 2 * embeddings.BATCH_TOKENS
    for place in (0, 61, 119):
        assert vectors(together)[place] @ vectors(embed(client, texts[place]))[0] > 0.9999


def test_the_models_own_length_may_be_asked_for(client: OpenAI) -> None:
    assert np.allclose(vectors(embed(client, "the sea", dimensions=384)), vectors(embed(client, "the sea")))


def test_vectors_of_a_model_made_for_it_are_cut_to_length_one(app: Flask, client: OpenAI) -> None:
    path = app.extensions["engine"].models.base_path(app.extensions["engine"].models.embedder(MODEL))
    cuttable = BaseModel(id="cuttable", source="path:", file="", context=512, dimensions=384, least_dimensions=64)
    ask = parse(EmbeddingCreate, {"model": "cuttable", "input": "the sea", "dimensions": 64})
    (row,) = finished(embeddings.create(app.extensions["engine"].pool, cuttable, path, ask))["data"]
    whole = vectors(embed(client, "the sea"))[0]
    assert np.allclose(row["embedding"], whole[:64] / np.linalg.norm(whole[:64]), atol=1e-4)
    with pytest.raises(BadRequest, match="from 64 to 384"):
        next(
            embeddings.create(app.extensions["engine"].pool, cuttable, path, ask.model_copy(update={"dimensions": 63}))
        )


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": ""}, "invalid_value", "input"),
        ({"input": []}, "invalid_value", "input"),
        ({"input": ["a", ""]}, "invalid_value", "input"),
        ({"input": ["a"] * 2049}, "invalid_value", "input"),
        ({"input": [1.5, 2]}, "invalid_type", "input"),
        ({"input": ["a", 1]}, "invalid_type", "input"),
        ({"input": [[1], []]}, "invalid_value", "input"),
        ({"input": [[1]] * 2049}, "invalid_value", "input"),
        ({"input": [True]}, "invalid_type", "input"),
        ({"input": [1, 2, 3]}, "invalid_value", "input"),
        ({"model": "text-embedding-3-small", "input": [[5], [100_300]]}, "invalid_value", "input"),
        ({"model": "text-embedding-3-small", "input": [-1]}, "invalid_value", "input"),
        ({"input": "the sea " * 300}, "context_length_exceeded", "input"),
        ({"input": ["the sea", "the sea " * 300]}, "context_length_exceeded", "input"),
        ({"input": ["the sea " * 150] * 1100}, "max_tokens_per_request", "input"),
        ({"dimensions": 256}, "invalid_value", "dimensions"),
        ({"dimensions": 0}, "invalid_value", "dimensions"),
        ({"encoding_format": "int8"}, "invalid_value", "encoding_format"),
        ({"model": "tiny"}, "unsupported_model", "model"),
        ({"model": "gpt-4o-mini"}, "unsupported_model", "model"),
    ],
)
def test_a_wrong_request_is_a_400_that_says_where(
    client: OpenAI, fields: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        embed(client, **fields)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_openais_token_ids_are_read_under_openais_names_alone(client: OpenAI) -> None:
    ids = [list(quicktok.Tokenizer("cl100k_base", "").encode(text)) for text in TEXTS]
    texts = vectors(embed(client, TEXTS))
    for name in ("text-embedding-ada-002", "text-embedding-3-small"):
        assert np.allclose(vectors(embed(client, ids, model=name)), texts, atol=1e-4)
    assert np.allclose(vectors(embed(client, ids[0], model="text-embedding-3-small"))[0], texts[0], atol=1e-4)
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        embed(client, ids)


def test_who_leaves_between_two_batches_is_not_worked_for(app: Flask) -> None:
    parts = app.extensions["engine"]
    base = parts.models.embedder(MODEL)
    asked = parse(EmbeddingCreate, {"model": MODEL, "input": ["the sea " * 200] * 12})
    work = embeddings.create(parts.pool, base, parts.models.base_path(base), asked)
    next(work)
    work.close()
    (process,) = [one for one in parts.pool.processes() if one.model.name == MODEL]
    assert not any(slot["is_processing"] for slot in process.ask("/slots"))


def test_the_encoder_is_listed_and_neither_chats_nor_is_trained(client: OpenAI) -> None:
    assert MODEL in [one.id for one in client.models.list()]
    assert client.models.retrieve("text-embedding-ada-002").id == MODEL
    with pytest.raises(openai.BadRequestError, match="writes no texts") as refused:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert refused.value.code == "unsupported_model"
    with pytest.raises(openai.BadRequestError, match="writes no texts"):
        client.completions.create(model=MODEL, prompt="Hi")
    with pytest.raises(openai.BadRequestError, match="not available for fine-tuning"):
        client.fine_tuning.jobs.create(model=MODEL, training_file="file-none")


@pytest.mark.parametrize("by", ["the tokenizer beside the model", "llama.cpp"])
def test_a_special_token_in_a_text_is_its_letters(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    if by == "llama.cpp":
        monkeypatch.setattr(Path, "with_name", lambda *_: tmp_path / "none")
    letters = ["[CLS]", "[UNK]", "s", "##e", "##p", "[UNK]", "[SEP]"]  # the brackets are not in its vocabulary
    assert embed(client, "[SEP]").usage.prompt_tokens == len(letters)
