"""The whole product live, for tests of scripts and of deaths: `python app.py` and its engine, on a tiny model."""

from pathlib import Path
from typing import Any, Self

import requests

from tests.fakes.ports import free_port, until
from tests.fakes.service import Service


class LiveService(Service):
    """A service whose engine trains and serves `base_model` for real, and keeps its data in `folder`."""

    output = None

    def __init__(self, folder: Path, base_model: Path, **settings: str) -> None:
        engine_port = free_port()
        self.engine_url = f"http://127.0.0.1:{engine_port}/v1"
        super().__init__(
            ENGINE_PORT=str(engine_port),
            DATA_DIR=str(folder),
            BASE_MODEL=str(base_model),
            CONTEXT_TOKENS="256",
            OPENAI_API_KEY="",
            OPENAI_BASE_URL="",
            **settings,
        )

    def wait(self, seconds: float = 30.0) -> Self:
        """Return once the service and its engine answer; what it loads for the first chat is not waited for."""
        super().wait(seconds)
        until(lambda: self._reply("GET", "/jobs"), seconds)
        return self

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return `response`; a 502 or 503 while something restarts is asked again."""
        return until(lambda: self._reply(method, path, **options))["response"]

    def _reply(self, method: str, path: str, **options: Any) -> Any:
        try:
            reply = requests.request(method, self.url + path, timeout=30, **options)
        except requests.ConnectionError:
            return None
        if reply.status_code in (502, 503):
            return None
        assert reply.ok, reply.text
        return reply.json()
