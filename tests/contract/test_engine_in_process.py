"""The contract, kept by the engine behind the SDK's own WSGI transport, with no socket between, on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.contract.suite import ContractSuite
from tests.engine.sdk import sdk
from tests.engine.working import working
from tests.tiny_encoder import plant_tiny_encoder


class TestEngineInProcess(ContractSuite):
    """The app as `create_engine` makes it, and a worker that takes real turns."""

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> str:
        return "tiny"

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
        folder = tmp_path_factory.mktemp("engine")
        (folder / "tiny.gguf").symlink_to(tiny_gguf)
        plant_tiny_encoder(folder)
        settings = {"serving_threads": 1, "training_threads": 1}
        with working(folder, folder / "tiny.gguf", **settings) as app, sdk(app) as client:
            yield client
