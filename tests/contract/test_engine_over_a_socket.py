"""The contract, kept by `python -m engine serve` as a user starts it, over a socket, on PostgreSQL if it is here.

On SQLite it is kept in this process (a second pass here would cost five trainings more), and the whole service's tests
drive the engine over a socket on SQLite.
"""

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
        """Without PostgreSQL it is SQLite once more, which the end of the run says."""
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
