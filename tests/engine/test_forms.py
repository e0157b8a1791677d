"""The engine's forms: 413 beyond the limit and only there, however they are framed; a cut one is told and not kept."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import EngineConfig
from engine.app import create_engine
from tests.fakes.bare_gguf import BARE
from tests.test_error_shape import assert_engine_shape

MOST = 300_000
PURPOSE = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="a.jsonl"\r\n\r\n%b\r\n--b--\r\n'
ROUTES = {"/v1/files": b"file", "/v1/uploads/%s/parts": b"data", "/v1/token_counts": b"file"}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    (tmp_path / "base.gguf").write_bytes(BARE)  # without one of its own each of these engines would fetch the default
    app = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(tmp_path / "base.gguf")))
    app.config["MAX_CONTENT_LENGTH"] = MOST
    return app.test_client()


@pytest.fixture(params=ROUTES)
def path(request: pytest.FixtureRequest, client: FlaskClient) -> str:
    begun = {"bytes": MOST, "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    upload = client.post("/v1/uploads", json=begun).get_json()["id"]
    return str(request.param).replace("%s", upload)


def body_of(path: str, size: int) -> bytes:
    """A form of so many bytes; its file is blank lines."""
    name = ROUTES["/v1/uploads/%s/parts"] if path.endswith("/parts") else ROUTES[path]
    rest = len(PURPOSE + FILE % (name, b""))
    return PURPOSE + FILE % (name, b"\n" * (size - rest))


def send(client: FlaskClient, path: str, body: bytes, *, in_chunks: bool) -> TestResponse:
    """Send the form; the launcher unpacks chunks, and tells no length then."""
    framed: dict[str, Any] = {"CONTENT_LENGTH": str(len(body))}
    if in_chunks:
        framed = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    kind = "multipart/form-data; boundary=b"
    return client.post(path, input_stream=BytesIO(body), content_type=kind, environ_overrides=framed)


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_a_form_is_413_beyond_its_limit_and_only_there(client: FlaskClient, path: str, in_chunks: bool) -> None:
    for size, refused in {MOST - 1: False, MOST: False, MOST + 1: True, 2 * MOST: True}.items():
        reply = send(client, path, body_of(path, size), in_chunks=in_chunks)
        assert (reply.status_code == 413) is refused, (size, reply.text)
        if refused:
            assert_engine_shape(reply)
            assert reply.get_json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("cut", [1, 4, 8, 3000], ids=lambda cut: f"{cut} bytes short")
def test_a_form_that_is_cut_is_told_and_nothing_is_kept(
    client: FlaskClient, tmp_path: Path, path: str, in_chunks: bool, cut: int
) -> None:
    whole = body_of(path, 5000)
    reply = send(client, path, whole[: -cut - len(b"\r\n")], in_chunks=in_chunks)
    assert_engine_shape(reply)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "incomplete_upload")
    kept = [one for name in ("files", "uploads") for one in (tmp_path / name).rglob("*") if one.is_file()]
    assert kept == []
    assert client.get("/v1/files").get_json()["data"] == []


def test_a_form_without_a_boundary_is_told(client: FlaskClient, path: str) -> None:
    reply = client.post(path, data=body_of(path, 5000), content_type="multipart/form-data")
    assert_engine_shape(reply)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "invalid_multipart")


def test_a_body_that_is_no_form_lacks_its_file(client: FlaskClient, path: str) -> None:
    reply = client.post(path, json={"purpose": "fine-tune"})
    assert_engine_shape(reply)
    assert (reply.status_code, "is a required property" in reply.get_json()["error"]["message"]) == (400, True)
