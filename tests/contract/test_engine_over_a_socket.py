"""The contract, kept by `python -m engine serve` as a user starts it, over a socket, on PostgreSQL if it is here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.contract.suite import ContractSuite
from tests.fakes.postgres import binaries
from tests.live_engine import LiveEngine
from tests.tiny_encoder import plant_tiny_encoder


class TestEngineOverASocket(ContractSuite):
    """The whole engine: granian, store, worker, trainer, llama.cpp."""

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> str:
        return "tiny"

    @pytest.fixture(scope="class")
    @classmethod
    def database_url(cls, request: pytest.FixtureRequest) -> str:
        """Without PostgreSQL it is SQLite once more; that its own tests did not run, they say."""
        return str(request.getfixturevalue("postgres").new_database()) if binaries() else ""

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[OpenAI]:
        folder = tmp_path_factory.mktemp("engine")
        (folder / "tiny.gguf").symlink_to(tiny_gguf)
        plant_tiny_encoder(folder)
        engine = LiveEngine(folder, folder / "tiny.gguf", DATABASE_URL=database_url).wait()
        with OpenAI(api_key="unused", base_url=engine.url, max_retries=0) as client:
            yield client
        assert engine.end() == 0
