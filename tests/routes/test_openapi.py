"""`/openapi.json` describes every call as it is: its examples are executed, and what comes back has its shape."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from inspect import cleandoc
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app import create_app
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from engine.exports import FORMATS
from gate.origins import Origins
from routes.access import PUBLIC, SCOPES
from tests.engine.tuned import publish
from tests.fakes.openai_upstream import FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI, refusal
from tests.guides import ROOT
from tests.test_docs import routes_of

FORM = "multipart/form-data"
# What no OpenAI serves; on an engine it is asked below.
UNSERVED = {"/models/{name}/export": 501}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description, which is the same whatever the upstream."""
    reply = create_app(ServiceConfig(openai_base_url="http://127.0.0.1:9/v1")).test_client().get("/openapi.json")
    assert reply.content_type == "application/json"
    return dict(reply.get_json())


@pytest.fixture
def account(upstream: FakeOpenAI) -> FakeOpenAI:
    """An account that has the examples' file, job and model."""
    begin(upstream)
    return upstream


def begin(upstream: FakeOpenAI) -> None:
    """Let the account have what the examples name, whatever an example before has done."""
    for kept in (upstream.files, upstream.jobs, upstream.deleted):
        kept.clear()
    upstream.new_job({"model": "gpt-3.5-turbo-1106", "training_file": FILE_ID})
    upstream.new_file("train.jsonl", 1)
    upstream.finish()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of each call."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def check(described: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Hold a value against a schema that may point to the components."""
    Draft202012Validator({**schema, "components": described["components"]}).validate(value)


def check_reply(described: dict[str, Any], operation: dict[str, Any], reply: TestResponse) -> None:
    """Hold a reply against what the operation says of its status."""
    said = operation["responses"][str(reply.status_code)]
    if "$ref" in said:
        said = described["components"]["responses"][said["$ref"].rpartition("/")[2]]
    assert reply.headers["X-Request-Id"]
    media = said["content"].get(reply.content_type) or said["content"][reply.mimetype]
    check(described, media["schema"], reply.get_json() if reply.is_json else reply.get_data(as_text=True))


def send(client: FlaskClient, method: str, path: str, sent: dict[str, Any]) -> TestResponse:
    """Make a call as its example has it."""
    (kind, media), *others = sent.get("content", {"": {}}).items()
    assert not others
    for variable, name in (("job_id", JOB_ID), ("file_id", FILE_ID), ("name", FINE_TUNED)):
        path = path.replace(f"{{{variable}}}", name)
    if kind != FORM:
        return client.open(path, method=method, json=media.get("example"))
    fields = dict(media["example"])
    files = [(BytesIO(text.encode()), "files") for text in fields.pop("files")]
    return client.post(path, data={**fields, "files": files})


def test_every_rule_and_method_is_described_and_nothing_else(client: FlaskClient, described: dict[str, Any]) -> None:
    told = [f"{method} {path}" for method, path, _ in operations(described)]
    calls = routes_of(client.application) - routes_of(client.application, "dashboard.")
    assert sorted(told) == sorted(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route) for route in calls)


def test_it_is_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_words_and_keys_are_those_of_the_code(client: FlaskClient, described: dict[str, Any]) -> None:
    views, public = client.application.view_functions, set[str]()
    for _, path, operation in operations(described):
        endpoint = f"{operation['tags'][0]}.{operation['operationId']}"
        words = " ".join(cleandoc(views[endpoint].__doc__ or "").split())
        assert operation["summary"], path
        assert words.startswith(operation["summary"])
        if operation["security"]:
            assert operation["security"] == [{"key": [SCOPES[endpoint]]}, {}]
            assert {"401", "429"} <= operation["responses"].keys()
        else:
            public.add(endpoint)
    assert public == {endpoint for endpoint in PUBLIC if not endpoint.startswith("dashboard.")}


def test_every_example_has_the_shape_that_stands_beside_it(described: dict[str, Any]) -> None:
    for _, path, operation in operations(described):
        said = [operation.get("requestBody", {"content": {}}), *operation["responses"].values()]
        said += described["components"]["responses"].values()
        for media in (media for one in said for media in one.get("content", {}).values()):
            assert "example" in media, path
            check(described, media["schema"], media["example"])


def test_every_example_is_answered_as_described(
    client: FlaskClient, account: FakeOpenAI, described: dict[str, Any]
) -> None:
    for method, path, operation in operations(described):
        begin(account)
        reply = send(client, method, path, operation.get("requestBody", {}))
        assert reply.status_code == UNSERVED.get(path, 200), (path, reply.get_data(as_text=True))
        check_reply(described, operation, reply)
        example = operation["responses"]["200"]["content"].get("application/json", {}).get("example", {})
        if reply.status_code == 200 and "response" in example:
            assert shape(example["response"]) <= shape(reply.get_json()["response"]), path


def shape(value: Any, path: str = "") -> set[str]:
    """The keys of a value, with those inside."""
    if isinstance(value, dict):
        return {path}.union(*(shape(inner, f"{path}.{name}") for name, inner in value.items()))
    return set[str]().union(*(shape(inner, f"{path}[]") for inner in value)) if isinstance(value, list) else {path}


@pytest.fixture
def on_an_engine(tiny_gguf: Path, tmp_path: Path) -> Iterator[FlaskClient]:
    """A service before an engine that has the examples' model."""
    engine = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(tiny_gguf)))
    publish(engine.extensions["engine"], tmp_path, FINE_TUNED, 1)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / "jobs" / "1" / name).write_bytes(b"{}")
    server = make_server("127.0.0.1", 0, engine, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield create_app(ServiceConfig(openai_base_url=f"http://127.0.0.1:{server.server_port}/v1")).test_client()
    server.shutdown()


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_answered_as_described(on_an_engine: FlaskClient, described: dict[str, Any], form: str) -> None:
    operation = described["paths"]["/models/{name}/export"]["get"]
    [asked] = operation["parameters"][-1:]
    assert (asked["name"], asked["schema"]["enum"]) == ("format", [*FORMATS])
    reply = on_an_engine.get(f"/models/{FINE_TUNED}/export?format={form}")
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert reply.headers["X-Request-Id"]
    [(kind, media)] = operation["responses"]["200"]["content"].items()
    assert reply.content_type == kind == media["schema"]["contentMediaType"]
    example = asked["schema"]["enum"][0]  # the one that callers are shown
    assert reply.data.startswith(media["example"].encode()) == (form == example)


@pytest.mark.parametrize("field", ["upload", "download"])
@pytest.mark.parametrize("call", ["fix", "convert", "check"])
def test_other_good_replies_are_described_too(
    client: FlaskClient, account: FakeOpenAI, described: dict[str, Any], call: str, field: str
) -> None:
    operation = described["paths"][f"/datasets/{call}"]["post"]
    media = operation["requestBody"]["content"][FORM]
    sent = {"content": {FORM: {"example": {**media["example"], field: "true"}}}}
    check_reply(described, operation, send(client, "POST", f"/datasets/{call}", sent))


def test_a_stream_is_described(client: FlaskClient, described: dict[str, Any]) -> None:
    reply = client.post("/chat", json={"text": "Hi", "stream": True})
    assert reply.mimetype in described["paths"]["/chat"]["post"]["responses"]["200"]["content"]


@pytest.mark.parametrize(
    ("path", "files", "status"),
    [
        ("/upload_files", [b"no training file"], 400),
        ("/upload_files", [b"no training file", b"nor this"], 400),
        ("/upload_files", [b'{"messages": [{"role": "user", "content": "Hi"}]}\n'], 400),
        ("/datasets/convert", [b"no export"], 400),
        ("/datasets/convert", [b'[{"messages": []}]'], 400),
        ("/datasets/fix", [b"\x00\xff\x00"], 400),
        ("/datasets/check", [], 400),
    ],
)
def test_a_refusal_has_the_shape_that_is_described(
    client: FlaskClient, described: dict[str, Any], path: str, files: list[bytes], status: int
) -> None:
    reply = client.post(path, data={"files": [(BytesIO(content), "a.jsonl") for content in files]}, content_type=FORM)
    assert reply.status_code == status
    check_reply(described, described["paths"][path]["post"], reply)


@pytest.mark.parametrize("status", [401, 404, 409, 422, 429, 500, 503])
def test_what_an_upstream_says_is_described(
    client: FlaskClient, account: FakeOpenAI, described: dict[str, Any], status: int
) -> None:
    account.fail(f"GET /v1/fine_tuning/jobs/{JOB_ID}", refusal(status, "no", None))
    reply = client.post("/retrieve", json={"fine_tuning_job_id": JOB_ID})
    assert reply.status_code == status
    check_reply(described, described["paths"]["/retrieve"]["post"], reply)


def test_bodies_that_the_service_alone_refuses_are_refused_by_their_schema(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    job, chat = (
        Draft202012Validator({**schemas[name], "components": described["components"]})
        for name in ("JobCreate", "DocumentedChat")
    )
    assert job.is_valid({"training_file": "file-1", "model": None, "metadata": {"a": "b"}})
    assert not job.is_valid({"training_file": "file-1", "metadata": {"tune9527_owner": "me"}})
    assert not job.is_valid({"training_file": "file-1", "epochs": 3})
    assert chat.is_valid({"text": "Hi", "messages": None})
    assert not chat.is_valid({})
    assert not chat.is_valid({"text": "Hi", "messages": [{"role": "user", "content": "Hi"}]})


def test_nothing_of_it_is_loaded_before_somebody_asks() -> None:
    told = """
import sys
from app import create_app
from config import ServiceConfig
from gate.origins import Origins
client = create_app(ServiceConfig(openai_base_url="http://127.0.0.1:9/v1")).test_client()
loaded = lambda: "routes.description.document" in sys.modules
print([client.get(path).status_code and loaded() for path in ("/status", "/openapi.json")])
"""
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.lower()) == [False, True]


def test_a_page_of_an_allowed_origin_may_send_every_header_that_is_described(described: dict[str, Any]) -> None:
    page = "https://intranet.example"
    asked = {"HTTP_ORIGIN": page, "REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    allowed = dict(Origins(frozenset({page})).preflight(asked) or [])["Access-Control-Allow-Headers"].split(", ")
    told = [one for _, _, operation in operations(described) for one in operation.get("parameters", [])]
    named = {one["name"].lower() for one in told if one["in"] == "header"}
    assert "idempotency-key" in named
    assert named - {*allowed} == set()
