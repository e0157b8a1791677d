"""The service in-process against a fake OpenAI over a real socket."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.service import NO_DATA

KEY = "sk-proj-0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
def config(upstream: FakeOpenAI) -> ServiceConfig:
    return ServiceConfig(
        data_dir=NO_DATA,
        openai_api_key=KEY,
        openai_base_url=upstream.base_url,
        upstream_timeout=0.5,
        max_upload_mb=1,
        threads=16,
    )


@pytest.fixture
def client(config: ServiceConfig) -> FlaskClient:
    return create_app(config).test_client()


@dataclass(frozen=True)
class Holder:
    """Somebody with a key that is no admin's."""

    client: FlaskClient
    token: str
    id: str

    def ask(self, path: str, method: str = "GET", **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.open(path, method=method, headers=headers, **options)


@pytest.fixture
def holder(config: ServiceConfig, tmp_path: Path) -> Holder:
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("red", frozenset({"read", "train", "chat"}))
    return Holder(create_app(replace(config, data_dir=tmp_path)).test_client(), token, key.id)
