"""The whole product live, for tests of scripts and of deaths: `python app.py` and its engine, on a tiny model."""

from pathlib import Path
from typing import Any, Self

import psutil
import requests

from tests.fakes.ports import PATIENCE, free_port, until
from tests.fakes.service import Service
from tests.live_engine import ONE_THREAD

ENGINE_KEY = "known-to-the-tests"


def command(process: psutil.Process | None) -> str:
    """Return the command line of a process, nothing if it is gone or keeps the walls around another (bubblewrap)."""
    try:
        words = process.cmdline() if process else []
        return "" if words and words[0].endswith("bwrap") else " ".join(words)
    except psutil.Error:
        return ""


class LiveService(Service):
    """A service whose engine trains and serves `base_model` for real, and keeps its data in `folder`."""

    output: int | None = None

    def __init__(self, folder: Path, base_model: Path, **settings: str) -> None:
        engine_port = free_port()
        self.engine_url = f"http://127.0.0.1:{engine_port}/v1"
        super().__init__(
            ENGINE_PORT=str(engine_port),
            ENGINE_API_KEY=ENGINE_KEY,
            DATA_DIR=str(folder),
            BASE_MODEL=str(base_model),
            CONTEXT_TOKENS="256",
            OPENAI_API_KEY="",
            OPENAI_BASE_URL="",
            **ONE_THREAD | settings,
        )

    def wait(self, seconds: float = PATIENCE) -> Self:
        """Return once the service and its engine answer; what it loads for the first chat is not waited for."""
        super().wait(seconds)
        until(lambda: self._reply("GET", "/jobs"), seconds)
        return self

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return `response`; a 502 or 503 while something restarts is asked again."""
        return until(lambda: self._reply(method, path, **options))["response"]

    def find(self, words: str, serving: bool = False) -> psutil.Process | None:
        """Return the process whose command line holds `words`; `serving`: granian's child of the same name."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        named = [one for one in family if words in command(one)]
        inner = [one for one in named if words in command(one.parent())]
        return next(iter(inner if serving else [one for one in named if one not in inner]), None)

    def events(self, job_id: str) -> list[dict[str, Any]]:
        """Return every event of a job, oldest first."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {"limit": 100}
        while True:
            page = self.call("GET", f"/jobs/{job_id}/events", params=more)
            found += page["data"]
            if not page["has_more"]:
                return found[::-1]
            more["after"] = found[-1]["id"]

    def step(self, job_id: str) -> int:
        """Return the newest step that has an event, 0 if there is none."""
        newest = self.call("GET", f"/jobs/{job_id}/events", params={"limit": 100})["data"]
        return max((event["data"]["step"] for event in newest if event["type"] == "metrics"), default=0)

    def kill(self) -> None:
        """End the main process as nobody should."""
        self.process.kill()
        self.process.wait()

    def _reply(self, method: str, path: str, **options: Any) -> Any:
        try:
            reply = requests.request(method, self.url + path, timeout=PATIENCE, **options)
        except requests.ConnectionError:
            return None
        if reply.status_code in (502, 503):
            return None
        assert reply.ok, reply.text
        return reply.json()
