"""`POST /v1/token_counts`: a file in the trainer's own tokens, counted in a child, and why it could not be."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import EngineConfig
from engine import token_counts
from engine.app import create_engine
from engine.token_counts import Counts, TokenCounts
from wire.errors import ApiError

LINE = b'{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Since dusk."}]}\n'
# One token a mark and a byte, but `in` is one too; the end mark of an answer is learned.
PROMPT = len("[user\nLit?]\n[assistant\n")
ANSWER = len("Since dusk.]") - 1
MODEL = "tiny"


@pytest.fixture
def app(tiny_gguf: Path, tmp_path: Path) -> Iterator[Flask]:
    (tmp_path / "tiny.gguf").symlink_to(tiny_gguf)
    made = create_engine(
        EngineConfig(data_dir=tmp_path / "data", base_model=str(tmp_path / "tiny.gguf"), context_tokens=64)
    )
    yield made
    made.extensions["engine"].store.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, content: bytes, query: str = "", **fields: str) -> TestResponse:
    return client.post(f"/v1/token_counts{query}", data={"file": (io.BytesIO(content), "a.jsonl"), **fields})


def test_a_file_is_counted_as_the_model_behind_the_name_would_be_trained(client: FlaskClient) -> None:
    long = LINE.replace(b"Since dusk.", b"z" * 80)
    reply = ask(client, LINE + b"\n" + long, "?model=gpt-4o-mini")
    assert reply.status_code == 200
    counts = reply.get_json()
    assert counts["answer_tokens"] == [ANSWER, 81]
    assert counts == {
        "object": "token_counts",
        "model": MODEL,
        "max_tokens": 64,
        "tokens": [PROMPT + ANSWER + 1, PROMPT + 81 + 1],
        "answer_tokens": counts["answer_tokens"],
        "truncated": 1,
    }


def test_a_line_that_cannot_be_trained_on_is_400_and_named(client: FlaskClient) -> None:
    reply = ask(client, LINE + b'{"messages": [{"content": "x"}]}\n', model=MODEL)
    assert reply.status_code == 400
    error = reply.get_json()["error"]
    assert (error["code"], error["param"]) == ("invalid_training_file", "file")
    assert "Line 2 has a message without a role" in error["message"]


@pytest.mark.parametrize("query", ["?model=no-such-model", "?model=ft:no-such:personal::12345678"])
def test_an_unknown_model_is_404(client: FlaskClient, query: str) -> None:
    reply = ask(client, LINE, query)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (404, "model_not_found")


def test_no_file_is_said_as_v1_files_says_it(client: FlaskClient) -> None:
    reply = client.post("/v1/token_counts", data={"model": MODEL})
    assert (reply.status_code, reply.get_json()["error"]["param"]) == (400, "file")


def test_a_count_that_takes_too_long_is_ended(tiny_gguf: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(LINE)
    with pytest.raises(ApiError) as late:
        token_counts.count(tiny_gguf, file, 64, patience=0.01)
    assert (late.value.status, late.value.code) == (503, "count_timeout")


class SlowUpload(io.BytesIO):
    """A file whose end comes when it is let come; `begun` says that it is being read."""

    def __init__(self) -> None:
        super().__init__(LINE)
        self.begun, self.let_end = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.begun.set()
        self.let_end.wait(60)
        return super().read(size)


@pytest.fixture
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose turn it is, is decided without a child."""
    monkeypatch.setattr(token_counts, "count", lambda *_: Counts([7], [3], 0))


@pytest.mark.usefixtures("counted_at_once")
def test_who_comes_while_another_file_is_counted_is_soon_asked_to_come_again(app: Flask) -> None:
    counts = TokenCounts(app.extensions["engine"].models, 64, turn_patience=0.05)
    upload = SlowUpload()
    first = threading.Thread(target=counts.create, args=(upload, MODEL))
    first.start()
    assert upload.begun.wait(60)
    with pytest.raises(ApiError) as busy:
        counts.create(io.BytesIO(LINE), MODEL)
    assert (busy.value.status, busy.value.code, busy.value.headers) == (503, "count_busy", {"Retry-After": "5"})
    upload.let_end.set()
    first.join()
    assert counts.create(io.BytesIO(LINE), MODEL)["tokens"] == [7]


@pytest.mark.usefixtures("counted_at_once")
def test_who_finds_every_place_taken_does_not_wait(app: Flask) -> None:
    counts = TokenCounts(app.extensions["engine"].models, 64, turn_patience=60, places=1)
    upload = SlowUpload()
    first = threading.Thread(target=counts.create, args=(upload, MODEL))
    first.start()
    assert upload.begun.wait(60)
    with pytest.raises(ApiError) as busy:
        counts.create(io.BytesIO(LINE), MODEL)
    assert (busy.value.status, busy.value.code, first.is_alive()) == (503, "count_busy", True)
    upload.let_end.set()
    first.join()
    assert counts.create(io.BytesIO(LINE), MODEL)["tokens"] == [7]


def test_a_child_that_dies_is_503_and_its_last_words_are_in_the_log(
    tiny_gguf: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ApiError) as died:
        token_counts.count(tiny_gguf, tmp_path / "absent.jsonl", 64)
    assert died.value.status == 503
    assert "exit code 1" in died.value.message
    assert "No such file or directory" in caplog.text
