"""The engine's app in this process with the real base model behind it, and the official SDK in front."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from flask import Flask
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from engine.parts import Parts
from engine.serving.pool import Pool


@pytest.fixture(scope="module")
def app(base_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("engine")
    (folder / "base.gguf").symlink_to(base_gguf)
    app = create_engine(
        EngineConfig(
            data_dir=folder, base_model=str(folder / "base.gguf"), context_tokens=256, parallel=2, serving_threads=1
        )
    )
    yield app
    app.extensions["engine"].pool.close()


@pytest.fixture(scope="module")
def pool(app: Flask) -> Pool:
    parts: Parts = app.extensions["engine"]
    return parts.pool


@pytest.fixture(scope="module")
def client(app: Flask) -> Iterator[OpenAI]:
    transport = httpx2.WSGITransport(app=app)
    with OpenAI(
        api_key="unused", base_url="http://engine/v1", http_client=httpx2.Client(transport=transport), max_retries=0
    ) as client:
        yield client
