"""The engine's app in this process with the real base model and the official SDK in front, or a hollow one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from engine.parts import Parts
from engine.serving.pool import Pool
from engine.store import Store
from tests.engine.hollow import hollow_engine
from tests.engine.sdk import sdk
from tests.fakes import package_index


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
    with sdk(app) as client:
        yield client


@pytest.fixture
def hollow(tmp_path: Path) -> Iterator[Flask]:
    """An engine that neither trains nor serves, with its data in `tmp_path/data`."""
    made = hollow_engine(tmp_path)
    yield made
    made.extensions["engine"].store.close()


@pytest.fixture
def caller(hollow: Flask) -> FlaskClient:
    return hollow.test_client()


@pytest.fixture
def parts(hollow: Flask) -> Parts:
    found: Parts = hollow.extensions["engine"]
    return found


@pytest.fixture
def store(parts: Parts) -> Store:
    return parts.store


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[package_index.Index]]:
    with package_index.serving(monkeypatch) as made:
        yield made
