"""The contract, kept by the engine behind the SDK's own WSGI transport, with no socket between."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.contract.files import Upload
from tests.contract.preferences import metrics, wait
from tests.contract.suite import ContractSuite
from tests.fakes.postgres import Postgres
from tests.tiny_encoder import plant_tiny_encoder


class TestEngineInProcess(ContractSuite):
    """The app as `create_engine` makes it, and a worker that takes real turns."""

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> str:
        return "tiny"

    @pytest.fixture(scope="class")
    @classmethod
    def database_url(cls) -> str:
        return ""

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[OpenAI]:
        folder = tmp_path_factory.mktemp("engine")
        (folder / "tiny.gguf").symlink_to(tiny_gguf)
        plant_tiny_encoder(folder)
        base = str(folder / "tiny.gguf")
        app = create_engine(
            EngineConfig(data_dir=folder, database_url=database_url, base_model=base, context_tokens=256)
        )
        stop = threading.Event()
        worker = threading.Thread(target=app.extensions["worker"].run, args=(stop,))
        worker.start()
        transport = httpx2.WSGITransport(app=app)
        with OpenAI(
            api_key="unused",
            base_url="http://engine/v1",
            http_client=httpx2.Client(transport=transport),
            max_retries=0,
        ) as client:
            yield client
        stop.set()
        worker.join()
        app.extensions["engine"].pool.close()
        app.extensions["engine"].store.close()

    def test_a_paused_job_goes_on_where_it_was(self, client: OpenAI, upload: Upload, model: str) -> None:
        jobs = client.fine_tuning.jobs
        made = jobs.create(training_file=upload(), model=model, hyperparameters={"n_epochs": 30, "batch_size": 1})
        deadline = time.monotonic() + 120
        while len(metrics(client, made.id)) < 10:
            assert time.monotonic() < deadline, jobs.retrieve(made.id)
            time.sleep(0.05)
        assert str(jobs.pause(made.id).status) == "paused"
        time.sleep(1)  # the trainer may have told some steps more before the worker's turn
        done = len(metrics(client, made.id))
        other = jobs.create(training_file=upload(), model=model, hyperparameters={"n_epochs": 1})
        assert wait(client, other.id).status == "succeeded"
        assert len(metrics(client, made.id)) == done
        with pytest.raises(openai.BadRequestError, match="paused"):
            jobs.pause(made.id)
        assert jobs.resume(made.id).status == "queued"
        assert wait(client, made.id).status == "succeeded"
        steps = [one["step"] for one in metrics(client, made.id)]
        assert sorted(steps) == list(range(1, 121))
        for move in (jobs.pause, jobs.resume):
            with pytest.raises(openai.BadRequestError, match="already completed"):
                move(made.id)


class TestEngineOnPostgreSQL(TestEngineInProcess):
    """The same with its facts in a real PostgreSQL."""

    @pytest.fixture(scope="class")
    @classmethod
    def database_url(cls, postgres: Postgres) -> str:
        return postgres.new_database()
