"""Every way to fail has one shape: the service's envelope on its port, OpenAI's error object under /v1.

The routes are taken from each app's own map, so that a new one is tested without being named here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import create_app
from config import EngineConfig, ServiceConfig
from tests.fakes.openai_upstream import FakeOpenAI, Fault, refusal
from tests.fakes.service import NO_DATA

FIELDS = {"type", "code", "message", "param"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
CRASH = "/crash-of-the-test"


def assert_service_shape(reply: TestResponse) -> None:
    body = reply.get_json()
    assert set(body) == {"info", "response"}
    assert body["info"] == "error"
    assert set(body["response"]) == FIELDS | {"request_id"}
    assert body["response"]["request_id"] == reply.headers["X-Request-Id"]
    assert_texts(body["response"])


def assert_engine_shape(reply: TestResponse) -> None:
    body = reply.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == FIELDS
    assert reply.headers["x-request-id"]
    assert_texts(body["error"])


def assert_texts(error: dict[str, Any]) -> None:
    assert error["message"]
    assert isinstance(error["message"], str)
    assert "Traceback" not in error["message"]
    assert isinstance(error["type"], str)
    assert all(error[name] is None or isinstance(error[name], str) for name in ("code", "param"))


@dataclass(frozen=True)
class Server:
    """One app, what its failures look like, and a body that its POST routes may get."""

    app: Flask
    assert_shape: Callable[[TestResponse], None]

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def rules(self, method: str) -> list[Rule]:
        return [rule for rule in self.app.url_map.iter_rules() if method in (rule.methods or ()) and rule.rule != CRASH]

    def check(self, reply: TestResponse, *statuses: int) -> None:
        assert reply.status_code in statuses, (
            f"{reply.request.path}: {reply.status_code} {reply.get_data(as_text=True)}"
        )
        assert reply.headers["Content-Type"].startswith("application/json")
        self.assert_shape(reply)


@pytest.fixture(params=["service", "engine"])
def server(request: pytest.FixtureRequest, upstream: FakeOpenAI, tmp_path: Path) -> Server:
    if request.param == "service":
        config = ServiceConfig(
            data_dir=NO_DATA, openai_base_url=upstream.base_url, upstream_timeout=0.5, max_upload_mb=1
        )
        server = Server(create_app(config), assert_service_shape)
    else:
        engine = pytest.importorskip("engine.app", exc_type=ImportError)
        server = Server(engine.create_engine(EngineConfig(data_dir=tmp_path)), assert_engine_shape)
    server.app.add_url_rule(CRASH, view_func=crash)
    return server


def crash() -> str:
    raise ZeroDivisionError("a mistake of ours with sk-secret0123456789abcdef")


def path_of(rule: Rule) -> str:
    return re.sub(r"<[^>]*>", "nope", rule.rule)


def takes(rule: Rule, path: str) -> bool:
    """Whether a path is one of the rule's: a model's name may hold slashes, so that `.../export` is one too."""
    pattern = re.sub(r"<(path:)?[^>]*>", lambda part: ".+" if part[1] else "[^/]+", rule.rule)
    return re.fullmatch(pattern, path) is not None


@pytest.mark.parametrize("path", ["/", "/nope", "/v1/nope", "//status", "/status/..", "/%00", "/v1//files", "/статус"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_route(server: Server, method: str, path: str) -> None:
    if method == "GET" and path in ("/", "//status") and server.assert_shape is assert_service_shape:
        pytest.skip("the first page for people, and what the test's client takes for its path")
    server.check(server.client.open(path, method=method, headers={"Host": "localhost"}), 404, 405)


def test_a_wrong_method_and_what_is_allowed(server: Server) -> None:
    for rule in server.app.url_map.iter_rules():
        path = path_of(rule)
        there = (other for other in server.app.url_map.iter_rules() if takes(other, path))
        allowed = set().union(*(other.methods or () for other in there))
        for method in METHODS - allowed:
            reply = server.client.open(path, method=method)
            server.check(reply, 405)
            assert set(reply.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b'{"x": NaN}', "application/json"),
        (b'{"x": "\\ud800"}', "application/json"),
        (b'{"nobody_knows_this": 1}', "application/json"),
        (b"{}", "text/plain"),
        (b"{}", None),
        (b"x=1", "application/x-www-form-urlencoded"),
        (b"nothing of a form", "multipart/form-data; boundary=b"),
        (b"nothing of a form", "multipart/form-data"),
        (b"\xff\xfe{}", "application/json; charset=utf-16"),
    ],
)
def test_a_body_that_no_route_takes(server: Server, body: bytes, content_type: str | None) -> None:
    for rule in server.rules("POST"):
        server.check(server.client.post(path_of(rule), data=body, content_type=content_type), 400, 404, 415)


def test_a_body_that_is_too_large(server: Server) -> None:
    for rule in server.rules("POST"):
        if "<" in rule.rule:
            continue
        for content_type in ("application/json", "multipart/form-data; boundary=b"):
            reply = server.client.post(
                path_of(rule), content_type=content_type, headers={"Content-Length": str(2**40)}, data=None
            )
            server.check(reply, 400, 413, 415)


def test_an_unknown_thing(server: Server) -> None:
    for method in ("GET", "POST", "DELETE"):
        for rule in (rule for rule in server.rules(method) if "<" in rule.rule and "events" not in rule.rule):
            server.check(server.client.open(path_of(rule), method=method), 400, 404, 415)


def test_a_mistake_of_ours(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    reply = server.client.get(CRASH)
    server.check(reply, 500)
    assert "ZeroDivisionError" not in reply.get_data(as_text=True)
    assert "a mistake of ours" not in reply.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text, "the log has the traceback"


@pytest.mark.parametrize(
    "fault",
    [
        refusal(400, "no", "bad"),
        refusal(401, "no", "invalid_api_key"),
        refusal(403, "no", "training_not_available"),
        refusal(404, "no", "model_not_found"),
        refusal(409, "no", None),
        refusal(422, "no", None),
        refusal(429, "no", "insufficient_quota", "insufficient_quota"),
        refusal(500, "no", None),
        Fault("status", 502, raw=b"<html>bad gateway</html>"),
        Fault("status", 400, raw=b'{"error": "just text"}'),
        Fault("status", 400, raw=b'{"error": {"message": {"not": "text"}, "code": 7, "param": ["x"]}}'),
        Fault("status", 418, raw=b"[]"),
        Fault("drop"),
        Fault("hang", seconds=0.7),
        Fault("raw", raw=b"\xff\xfe"),
        Fault("raw", raw=b'{"id": 7}'),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status} {fault.raw.decode('latin-1')[:20]}",
)
def test_whatever_the_upstream_does(upstream: FakeOpenAI, fault: Fault) -> None:
    config = ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, upstream_timeout=0.3)
    server = Server(create_app(config), assert_service_shape)
    for call, path, body in (
        ("POST /v1/chat/completions", "/chat", {"text": "x"}),
        ("POST /v1/chat/completions", "/chat", {"text": "x", "stream": True}),
        ("GET /v1/fine_tuning/jobs/nope", "/retrieve", {"fine_tuning_job_id": "nope"}),
    ):
        upstream.fail(call, fault)
        expected = fault.status if fault.kind == "status" else {"drop": 502, "hang": 504, "raw": 502}[fault.kind]
        server.check(server.client.post(path, json=body), expected)


@pytest.mark.parametrize("given", ["req_my-own.1", "A" * 128])
def test_a_callers_request_id_is_taken_over(upstream: FakeOpenAI, given: str) -> None:
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url)).test_client()
    assert client.get("/status", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "A" * 129, "a\tb", "ä"])
def test_what_is_no_request_id_is_replaced(upstream: FakeOpenAI, given: str) -> None:
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url)).test_client()
    reply = client.get("/nope", headers={"X-Request-Id": given})
    assert re.fullmatch(r"req_[A-Za-z0-9]{24}", reply.headers["X-Request-Id"])


def test_the_request_id_is_in_the_log_line(upstream: FakeOpenAI, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client = create_app(ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url)).test_client()
    client.get("/nope\r\nGET /fake", headers={"X-Request-Id": "req_me"})
    (line,) = [record.message for record in caplog.records if record.name == "tune9527.access"]
    assert "req_me" in line
    assert "404" in line
    assert "\n" not in line
