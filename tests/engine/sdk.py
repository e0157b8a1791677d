"""The official SDK before an engine in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from flask import Flask
from openai import OpenAI


@contextmanager
def sdk(app: Flask) -> Iterator[OpenAI]:
    """Call the app without a socket; what it refuses is not asked again."""
    http = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    with OpenAI(api_key="unused", base_url="http://localhost/v1", http_client=http, max_retries=0) as client:
        yield client
