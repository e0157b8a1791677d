"""Both servers live, the service before the engine, and all that is kept: what a bad input must not change."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import requests

from gate import KeyFile
from tests.contract.bad_inputs.case import ENDPOINT, FILE, JOB, UPLOAD
from tests.fakes.ports import until
from tests.fakes.service import Service
from tests.live_engine import LiveEngine

SECRET = "secret-of-the-two-servers"
KEPT = ("files", "uploads", "upload_parts", "jobs", "events", "models", "webhook_endpoints")
FOLDERS = ("files", "uploads", "jobs")


class Servers:
    """A service and its engine in `folder`; with keys, `token` opens all of the service, and SECRET the engine."""

    def __init__(self, folder: Path, base_model: Path, *, keys: bool, **settings: str) -> None:
        self.folder, self.data = folder, folder / "engine"
        self._logs = [folder / "engine.log", folder / "service.log"]
        self.token, self._secret = "", SECRET if keys else ""
        if keys:
            self.token, _ = KeyFile(folder / "service" / "keys.sqlite3").make("all", frozenset({"admin"}))
        engine_log, service_log = (log.open("wb") for log in self._logs)
        own = {"ENGINE_API_KEY": self._secret, "WEBHOOK_ALLOWED_HOSTS": "127.0.0.1:9"}
        own |= {"ENGINE_THREADS": "16", "RATE_LIMIT": "0"}
        logged = type("Logged", (LiveEngine,), {"output": engine_log})
        self.engine: LiveEngine = logged(self.data, base_model, **own, **settings)
        upstream = {"OPENAI_BASE_URL": self.engine.url, "OPENAI_API_KEY": self._secret, "DEFAULT_MODEL": "tiny"}
        more = {"DATA_DIR": str(folder / "service"), "RATE_LIMIT": "0", "MAX_UPLOAD_MB": "1", "LOG_LEVEL": "INFO"}
        self.service = type("Logged", (Service,), {"output": service_log})(**upstream, **more, **settings)
        self._connection: sqlite3.Connection | None = None

    def wait(self) -> Self:
        """Return once both answer and the engine has a file, a job that has ended, an upload and an endpoint."""
        self.engine.wait()
        self.service.wait()
        form: Any = {"data": {"purpose": "fine-tune"}, "files": {"file": ("a.jsonl", b"nothing to train on\n")}}
        file = self._make("/files", **form)
        job = self._make("/fine_tuning/jobs", json={"model": "tiny", "training_file": file})
        until(lambda: self._get(f"/fine_tuning/jobs/{job}")["status"] == "failed")
        upload = {"bytes": 100, "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}
        hook = {"event_types": ["fine_tuning.job.succeeded"], "name": "hook", "url": "https://127.0.0.1:9/"}
        made = {UPLOAD: self._make("/uploads", json=upload), ENDPOINT: self._make("/webhook_endpoints", json=hook)}
        self.ids: Mapping[str, str] = {FILE: file, JOB: job, **made}
        self._connection = sqlite3.connect(f"file:{self.data / 'engine.sqlite3'}?mode=ro", uri=True, timeout=10)
        return self

    def authorization(self, *, engine: bool) -> str | None:
        """The header that opens all of one server; None where none is needed."""
        token = self._secret if engine else self.token
        return f"Bearer {token}" if token else None

    def port(self, *, engine: bool) -> int:
        """Where one of them listens."""
        return self.engine.port if engine else self.service.port

    def kept(self) -> dict[str, list[Any]]:
        """All that the engine keeps, in its tables and its folders; the service keeps nothing."""
        assert self._connection is not None
        with closing(self._connection.cursor()) as ask:
            rows = {table: ask.execute(f"SELECT * FROM {table}").fetchall() for table in KEPT}
        return rows | {
            f"folder {name}": sorted(one.name for one in (self.data / name).rglob("*") if one.is_file())
            for name in FOLDERS
        }

    def log(self) -> str:
        """What both have said until now."""
        return "".join(log.read_text("utf-8") for log in self._logs)

    def end(self) -> None:
        """Stop both."""
        if self._connection:
            self._connection.close()
        self.service.end()
        self.engine.end()

    def _make(self, path: str, **options: Any) -> str:
        reply = requests.post(self.engine.url + path, headers=self._headers, timeout=20, **options)
        assert reply.ok, reply.text
        return str(reply.json()["id"])

    def _get(self, path: str) -> Any:
        return requests.get(self.engine.url + path, headers=self._headers, timeout=20).json()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
