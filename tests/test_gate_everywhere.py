"""Every route of both servers stands behind the gate: the routes are taken from each app's own map."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from engine.routes import proof
from gate import KeyFile
from routes.access import PUBLIC, SCOPES
from tests.test_error_shape import METHODS, assert_engine_shape, assert_service_shape, path_of

FRONT_END = "https://intranet.example"


@dataclass(frozen=True)
class Locked:
    """A server that asks for a key; `token` opens all of it."""

    app: Flask
    assert_shape: Callable[[TestResponse], None]
    keys: KeyFile
    token: str

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def refused(self, reply: TestResponse, status: int, code: str) -> None:
        self.assert_shape(reply)
        body = reply.get_json()
        assert (reply.status_code, (body.get("response") or body.get("error"))["code"]) == (status, code)


@pytest.fixture(scope="module", params=["service", "engine"])
def locked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Locked:
    folder = tmp_path_factory.mktemp("data")
    if request.param == "service":
        config = ServiceConfig(openai_base_url="http://127.0.0.1:9/v1", data_dir=folder, allowed_origins=FRONT_END)
        app, shape = create_app(config), assert_service_shape
    else:
        engine = EngineConfig(data_dir=folder, allowed_origins=FRONT_END)
        app, shape = create_engine(engine), assert_engine_shape
    keys = KeyFile(folder / "keys.sqlite3")
    token, _ = keys.make("admin", frozenset({"admin"}))
    return Locked(app, shape, keys, token)


def test_every_route_asks_for_a_key(locked: Locked) -> None:
    rules = [rule for rule in locked.app.url_map.iter_rules() if rule.endpoint not in PUBLIC | {proof.ENDPOINT}]
    assert len(rules) > 10
    for rule in rules:
        for method in METHODS:
            reply = locked.client.open(path_of(rule), method=method)
            locked.refused(reply, 401, "missing_api_key")
            assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_only_these_routes_are_open() -> None:
    calls = {"status.status", "openapi.openapi", "postman.postman"}
    pages = {"dashboard.static", "dashboard.preferences.prefer"}
    way_in = {f"dashboard.entrance.{verb}" for verb in ("show", "enter", "leave")}
    assert calls | pages | way_in == PUBLIC


def test_every_endpoint_says_what_it_needs(tmp_path: Path) -> None:
    app = create_app(ServiceConfig(openai_base_url="http://127.0.0.1:9/v1", data_dir=tmp_path))
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == {*SCOPES} | PUBLIC


@pytest.mark.parametrize(
    "path", ["//status", "/status/..", "/status/", "/%2e%2e/status", "/STATUS", "/nope", "/%00", "/"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_no_trick_with_a_path_gets_past_the_key(locked: Locked, path: str, method: str) -> None:
    headers = {"Host": "localhost", "X-HTTP-Method-Override": "GET", "X-Original-URL": "/status"}
    assert locked.client.open(path, method=method, headers=headers).status_code == 401


@pytest.mark.parametrize("place", ["query", "cookie", "body"])
def test_a_key_counts_in_its_header_alone(locked: Locked, place: str, caplog: pytest.LogCaptureFixture) -> None:
    client = locked.client
    if place == "cookie":
        client.set_cookie("api_key", locked.token)
    reply = client.post(
        "/chat" if "chat.chat" in locked.app.view_functions else "/v1/files",
        query_string={"api_key": locked.token} if place == "query" else None,
        json={"api_key": locked.token} if place == "body" else {},
    )
    assert reply.status_code == 401
    assert locked.token not in caplog.text


def test_a_foreign_host_or_page_gets_nowhere_even_with_a_key(locked: Locked) -> None:
    for rule in locked.app.url_map.iter_rules():
        headers = {"Authorization": f"Bearer {locked.token}"}
        reply = locked.client.open(path_of(rule), method="POST", headers={**headers, "Host": "evil.test"})
        locked.refused(reply, 403, "host_not_allowed")
        reply = locked.client.open(path_of(rule), method="DELETE", headers={**headers, "Origin": "https://evil.test"})
        locked.refused(reply, 403, "origin_not_allowed")
        assert not {name for name, _ in reply.headers if name.startswith("Access-Control")}


def test_a_page_that_the_settings_name_may_ask_and_read(locked: Locked) -> None:
    path = path_of(next(locked.app.url_map.iter_rules()))
    asked = {"Origin": FRONT_END, "Access-Control-Request-Method": "POST"}
    assert locked.client.options(path, headers=asked).status_code == 204, "a preflight carries no key"
    reply = locked.client.get(path, headers={"Origin": FRONT_END})
    assert reply.headers["Access-Control-Allow-Origin"] == FRONT_END


def test_every_answer_is_nobodys_frame_and_what_it_says_it_is(locked: Locked) -> None:
    for headers in ({}, {"Host": "evil.test"}, {"Authorization": f"Bearer {locked.token}"}):
        reply = locked.client.get("/nope", headers=headers)
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]


def test_a_key_of_the_wrong_scope_is_told_which_it_needs(tmp_path: Path) -> None:
    client = create_app(ServiceConfig(openai_base_url="http://127.0.0.1:9/v1", data_dir=tmp_path)).test_client()
    token, _ = KeyFile(tmp_path / "keys.sqlite3").make("reader", frozenset({"read"}))
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/status").status_code == 200
    for path in ("/chat", "/fine_tuning", "/upload_files", "/jobs/x/cancel", "/datasets/check"):
        reply = client.post(path, json={}, headers=headers)
        assert (reply.status_code, reply.get_json()["response"]["code"]) == (403, "insufficient_scope")
    assert client.post("/retrieve", json={}, headers=headers).status_code == 400
