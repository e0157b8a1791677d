"""The service in-process against a fake OpenAI over a real socket."""

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
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
