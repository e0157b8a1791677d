"""Every call of either server leaves one line with fields, whoever answered it, and none of them is a caller's text."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from gate import KeyFile

FRONT_END = "https://intranet.example"


@pytest.fixture(params=["service", "engine"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Flask:
    """Each server, with a front end of another origin."""
    if request.param == "service":
        url = "http://127.0.0.1:9/v1"
        return create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=url, allowed_origins=FRONT_END))
    return create_engine(EngineConfig(data_dir=tmp_path, allowed_origins=FRONT_END))


def fields(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the JSON lines of calls would hold."""
    return [record.fields for record in caplog.records if hasattr(record, "fields")]


PREFLIGHT = {"Origin": FRONT_END, "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/metrics", {}, {"status": 200, "route": "/metrics", "key": None}),
        ("GET", "/SAID-BY-A-CALLER", {}, {"status": 404, "route": None}),
        ("SAID", "/metrics", {}, {"status": 405, "route": None}),
        (
            "GET",
            "/metrics",
            {"Host": "SAID-BY-A-CALLER"},
            {"status": 403, "route": None, "refused": "host_not_allowed"},
        ),
        ("OPTIONS", "/SAID-BY-A-CALLER", PREFLIGHT, {"status": 204, "route": None}),
    ],
)
def test_a_call_leaves_one_line(
    server: Flask, caplog: pytest.LogCaptureFixture, method: str, path: str, headers: Any, expected: dict[str, Any]
) -> None:
    caplog.set_level("INFO")
    reply = server.test_client().open(path, method=method, headers=headers)
    (told,) = fields(caplog)
    assert (told["method"], told["status"]) == (method, reply.status_code)
    assert expected.items() <= told.items()
    assert "SAID-BY-A-CALLER" not in str(told)


def test_a_line_names_the_key_by_its_id(server: Flask, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("INFO")
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("admin", frozenset({"admin"}))
    server.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    (told,) = fields(caplog)
    assert told["key"] == key.id
    assert told["request_id"].startswith("req_")
