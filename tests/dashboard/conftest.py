"""A browser without JavaScript before the pages, in-process, and an OpenAI that costs nothing behind them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from werkzeug.test import TestResponse

from app import create_app
from config import ServiceConfig
from tests.browser import Visit, visit
from tests.dashboard.served import Served
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI
from tests.fakes.service import NO_DATA

ENGLISH = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en-GB,en;q=0.9"}


class Reader:
    """Whoever reads the pages, as a browser asks for them."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers=ENGLISH | named)

    def transferred(self, page: TestResponse) -> int:
        """Bytes that a browser which has none of it yet fetches for a page."""
        named = {*re.findall(r'(?:src|href)="(/dashboard/static/[^"]+)"', page.get_data(as_text=True))}
        return len(page.data) + sum(len(self.get(path).data) for path in named)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, data=fields, headers=ENGLISH | named, content_type=FORM)


MOST_BYTES = 200_000
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def config(upstream: FakeOpenAI) -> ServiceConfig:
    return ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, upstream_timeout=0.5)


@pytest.fixture
def reader(config: ServiceConfig) -> Reader:
    return Reader(create_app(config).test_client())


@pytest.fixture
def job(upstream: FakeOpenAI) -> dict[str, Any]:
    """A job of the account's, whose name is a trap for pages that do not escape."""
    upstream.new_file("train.jsonl", 1709)
    return upstream.new_job({"model": "gpt-4o-mini-2024-07-18", "training_file": FILE_ID, "suffix": "<b>bee</b>"})


@pytest.fixture
def served(upstream: FakeOpenAI, tmp_path: Path) -> Iterator[Served]:
    served = Served(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url), upstream)
    yield served
    served.close()


@pytest.fixture
def window(chromium: Browser) -> Iterator[Visit]:
    with visit(chromium, locale="en-GB") as opened:
        yield opened
