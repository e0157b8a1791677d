"""The contract, kept by the engine behind the SDK's own WSGI transport, with no socket between, on SQLite."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.contract.suite import ContractSuite
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
        base = str(folder / "tiny.gguf")
        config = EngineConfig(
            data_dir=folder, base_model=base, context_tokens=256, serving_threads=1, training_threads=1
        )
        app = create_engine(config)
        stop = threading.Event()
        worker = threading.Thread(target=app.extensions["worker"].run, args=(stop,))
        worker.start()
        transport = httpx2.WSGITransport(app=app)
        with OpenAI(
            api_key="unused",
            base_url="http://localhost/v1",
            http_client=httpx2.Client(transport=transport),
            max_retries=0,
        ) as client:
            yield client
        stop.set()
        worker.join()
        app.extensions["engine"].pool.close()
        app.extensions["engine"].store.close()
