"""The contract, kept by `python -m engine serve` as a user starts it, over a real socket."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.contract.suite import ContractSuite
from tests.fakes.ports import free_port, wait_until_answers
from tests.tiny_encoder import plant_tiny_encoder

ROOT = Path(__file__).resolve().parents[2]


class TestEngineOverASocket(ContractSuite):
    """The whole engine: granian, store, worker, trainer, llama.cpp."""

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
        port = free_port()
        settings = {"ENGINE_PORT": str(port), "DATA_DIR": str(folder), "CONTEXT_TOKENS": "256"}
        environment = {**os.environ, **settings, "BASE_MODEL": str(folder / "tiny.gguf")}
        engine = subprocess.Popen([sys.executable, "-m", "engine", "serve"], cwd=ROOT, env=environment)
        with OpenAI(api_key="unused", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0) as client:
            wait_until_answers(str(client.base_url), 30)
            yield client
        engine.terminate()
        assert engine.wait(20) == 0
