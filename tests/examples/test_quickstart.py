"""The quickstart's own matters, without training: which service it talks to, and how it starts one."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from config import EngineConfig, ServiceConfig
from examples import quickstart
from tests.fakes.ports import free_port


class _Answers(BaseHTTPRequestHandler):
    """A service up to the upload, which it refuses; `head` is what its /status has beside the body.

    Its chats fail one after the other by the codes in `failing`, the last of which goes on; without any they succeed.
    """

    head: ClassVar[dict[str, str]] = {}
    failing: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        self._send({"info": "ok", "response": {}}, self.head)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/chat" and self.failing:
            code = self.failing.pop(0) if len(self.failing) > 1 else self.failing[0]
            self._send({"info": "error", "response": {"code": code, "message": f"because of {code}"}}, {}, 503)
        elif self.path == "/chat":
            self._send({"info": "ok", "response": {"content": "Hello"}}, {})
        else:
            self._send({"info": "error", "response": "no room"}, {})

    def _send(self, body: object, head: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@contextmanager
def service(**head: str) -> Iterator[str]:
    handler = type("_Handler", (_Answers,), {"head": {name.replace("_", "-"): head[name] for name in head}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:1234", "127.0.0.1"),
        ("http://localhost:1234", "127.0.0.1"),
        ("http://[::1]:1234/", "::1"),
    ],
)
def test_the_service_it_starts_is_at_the_url_and_asks_the_embedded_engine(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str
) -> None:
    own = {"OPENAI_API_KEY": "sk-paid", "OPENAI_BASE_URL": "http://box/v1", "HOST": "0.0.0.0", "PORT": "1"}
    own["DEFAULT_MODEL"] = "gpt-4.1-2025-04-14"
    monkeypatch.setattr(os, "environ", dict(own))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: dict(os.environ))
    given: object = quickstart._start(url)
    assert isinstance(given, dict)
    config = ServiceConfig.from_env(given)
    assert (config.embedded, config.host, config.port) == (True, host, 1234)
    assert config.default_model == ServiceConfig().default_model
    assert EngineConfig.from_env(given) == EngineConfig(log_level="WARNING")


def test_a_service_that_answers_already_is_used_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service() as url:
        monkeypatch.setattr("sys.argv", ["quickstart.py", "--url", url])
        with pytest.raises(SystemExit, match="no room"):
            quickstart.main()
    first, *_ = capsys.readouterr().out.splitlines()
    assert url in first
    assert "already" in first


@pytest.mark.parametrize("code", quickstart.LASTING)
def test_an_engine_that_never_will_answer_ends_it_with_the_reason(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(_Answers, "failing", ["engine_unavailable", "model_loading", code])
    with service() as url:
        monkeypatch.setattr("sys.argv", ["quickstart.py", "--url", url])
        with pytest.raises(SystemExit, match=f"because of {code}"):
            quickstart.main()


def test_a_service_that_nobody_named_is_not_trained_through(monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as url:
        monkeypatch.setattr("sys.argv", ["quickstart.py"])
        monkeypatch.setattr(quickstart, "URL", url)
        with pytest.raises(SystemExit, match="Stop it first"):
            quickstart.main()


@pytest.mark.parametrize("content", [None, "hello", '{"messages": [{"role": "user", "content": "Hi"}]}', "[]", ""])
def test_a_file_that_it_cannot_ask_about_is_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "lessons.jsonl"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr("sys.argv", ["quickstart.py", "--url", f"http://127.0.0.1:{free_port()}", "--file", str(file)])
    with pytest.raises(SystemExit, match=r"lessons\.jsonl"):
        quickstart.main()


@pytest.mark.parametrize(
    "head", [{"Content_Encoding": "gzip"}, {"Transfer_Encoding": "chunked"}], ids=["no gzip", "no chunks"]
)
def test_a_service_whose_answer_cannot_be_read_is_not_alive(head: dict[str, str]) -> None:
    with service(**head) as url:
        assert not quickstart.Service(url).alive()


def test_a_service_that_answers_is_alive() -> None:
    with service() as url:
        assert quickstart.Service(url).alive()
