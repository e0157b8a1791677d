"""What is exported is what serves: as GGUF, in peft's format, and as an archive for Ollama; base models stay."""

import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import EngineConfig
from engine.app import create_engine
from engine.modelfile import write
from tests.engine.tuned import publish
from tests.tiny_models import write_tiny_gguf
from tests.tiny_models.llama import CHATML

NAME = "ft:tiny:acme:sea:abcdefgh"
LLAMA = "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{% endfor %}"
SMOL = "{% if not system %}{{ '<|im_start|>system\\nYou are SmolLM.<|im_end|>\\n' }}{% endif %}" + CHATML


@pytest.fixture
def engine(tmp_path: Path, tiny_gguf: Path) -> FlaskClient:
    app = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(tiny_gguf)))
    publish(app.extensions["engine"], tmp_path, NAME, 1)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter_folder(tmp_path) / name).write_text(f"the bytes of {name}")
    return app.test_client()


def adapter_folder(data: Path) -> Path:
    return data / "jobs" / "1"


def ask(engine: FlaskClient, form: str, name: str = NAME) -> TestResponse:
    return engine.get(f"/v1/models/{name}/export?format={form}")


def unpacked(reply: TestResponse) -> dict[str, bytes]:
    assert reply.status_code == 200
    assert int(reply.headers["Content-Length"]) == len(reply.data)
    with tarfile.open(fileobj=io.BytesIO(reply.data)) as archive:
        members = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in members.items() if file}


def test_the_gguf_is_the_adapter_that_serves(engine: FlaskClient, tmp_path: Path) -> None:
    reply = ask(engine, "gguf")
    assert reply.data == (adapter_folder(tmp_path) / "adapter.gguf").read_bytes()
    assert reply.headers["Content-Disposition"] == 'attachment; filename="ft-tiny-acme-sea-abcdefgh.gguf"'
    assert int(reply.headers["Content-Length"]) == len(reply.data)


def test_pefts_folder_has_its_two_files_and_says_on_what_it_was_trained(engine: FlaskClient, tiny_gguf: Path) -> None:
    files = unpacked(ask(engine, "peft"))
    assert list(files) == ["adapter_config.json", "adapter_model.safetensors", "README.md"]
    assert files["adapter_config.json"] == b"the bytes of adapter_config.json"
    assert tiny_gguf.name.encode() in files["README.md"]


def test_an_archive_for_ollama_has_all_that_its_modelfile_names(
    engine: FlaskClient, tmp_path: Path, tiny_gguf: Path
) -> None:
    files = unpacked(ask(engine, "ollama"))
    lines = files.pop("Modelfile").decode().splitlines()
    named = [line.partition(" ./")[2] for line in lines if line.startswith(("FROM ", "ADAPTER "))]
    assert list(files) == named
    assert files[named[0]] == tiny_gguf.read_bytes()
    assert files[named[1]] == (adapter_folder(tmp_path) / "adapter.gguf").read_bytes()


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (CHATML, ["<|im_start|>{{ .Role }}", 'PARAMETER stop "<|im_end|>"']),
        (SMOL, ["<|im_start|>{{ .Role }}", 'SYSTEM """You are SmolLM."""']),
        (LLAMA, ["<|start_header_id|>{{ .Role }}", 'PARAMETER stop "<|eot_id|>"']),
    ],
)
def test_ollama_is_told_how_the_model_was_spoken_to(tmp_path: Path, template: str, told: list[str]) -> None:
    text = write(NAME, write_tiny_gguf(tmp_path / "base.gguf", chat_template=template), "base.gguf", "adapter.gguf")
    assert [one for one in told if one not in text] == []
    assert ("SYSTEM" in text) == (template is SMOL)


def test_a_model_without_a_known_form_is_left_to_ollama(tmp_path: Path) -> None:
    text = write(NAME, write_tiny_gguf(tmp_path / "base.gguf", chat_template=None), "base.gguf", "adapter.gguf")
    assert "TEMPLATE" not in text


@pytest.mark.parametrize(
    ("name", "form", "status", "code"),
    [
        ("tiny", "gguf", 400, "not_fine_tuned"),
        ("gpt-3.5-turbo-1106", "gguf", 400, "not_fine_tuned"),
        (NAME, "pickle", 400, "invalid_value"),
        (NAME, "", 400, "invalid_value"),
        ("ft:tiny:acme::nope", "gguf", 404, "model_not_found"),
    ],
)
def test_what_cannot_be_exported_is_refused(engine: FlaskClient, name: str, form: str, status: int, code: str) -> None:
    reply = ask(engine, form, name)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("form", ["gguf", "ollama"])
def test_an_adapter_that_is_another_is_not_exported(engine: FlaskClient, tmp_path: Path, form: str) -> None:
    (adapter_folder(tmp_path) / "adapter.gguf").write_bytes(b"another")
    reply = ask(engine, form)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (500, "model_load_failed")


def test_a_missing_file_is_said(engine: FlaskClient, tmp_path: Path) -> None:
    (adapter_folder(tmp_path) / "adapter_config.json").unlink()
    reply = ask(engine, "peft")
    assert reply.status_code == 500
    assert "adapter_config.json is missing" in reply.get_json()["error"]["message"]


def test_an_export_goes_on_while_its_model_is_deleted_and_holds_little(engine: FlaskClient, tmp_path: Path) -> None:
    weights = adapter_folder(tmp_path) / "adapter_model.safetensors"
    os.truncate(weights, 64 * 1024 * 1024)
    tracemalloc.start()
    pieces = iter(ask(engine, "peft").response)
    count = len(next(pieces))
    assert engine.delete(f"/v1/models/{NAME}").status_code == 200
    count += sum(map(len, pieces))
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 64 * 1024 * 1024
    assert held < 4 * 1024 * 1024


def test_cards_say_what_each_model_is(engine: FlaskClient) -> None:
    cards = {one["id"]: one for one in engine.get("/v1/model_cards").get_json()["data"]}
    assert (cards[NAME]["kind"], cards[NAME]["base"], cards[NAME]["owned_by"]) == ("tuned", "tiny", "acme")
    assert (cards["tiny"]["kind"], cards["tiny"]["base"]) == ("base", "tiny")
    assert (cards["gpt-3.5-turbo-1106"]["kind"], cards["gpt-3.5-turbo-1106"]["base"]) == ("alias", "tiny")
    assert (cards["text-embedding-3-small"]["base"], cards["all-minilm-l6-v2"]["kind"]) == (
        "all-minilm-l6-v2",
        "embeddings",
    )
    assert "qwen2.5-0.5b-instruct" not in cards, "it is not on this machine, and does not come unasked"
    assert json.dumps(engine.get("/v1/models").get_json()).count("model_card") == 0
