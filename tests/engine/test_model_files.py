"""The headers of model files from outside: what is believed of them, and that no broken one reaches a loader."""

import json
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from flask import Flask
from safetensors.numpy import save_file

from bench import model_files
from config import EngineConfig
from engine import model_file, safetensors_file
from engine.app import create_engine
from engine.model_file import Malformed
from tests.tiny_models import write_gemma3, write_qwen3, write_tiny_gguf


def altered(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """A file in which the first `old` is `new`."""
    content = source.read_bytes()
    assert old in content
    target.write_bytes(content.replace(old, new, 1))
    return target


def text(content: bytes) -> bytes:
    """As GGUF writes it."""
    return struct.pack("<Q", len(content)) + content


def of(name: bytes, kind: int) -> bytes:
    """A tensor's name, its two dimensions unread."""
    return text(name) + struct.pack("<I", kind)


CONTEXT, BLOCKS = text(b"llama.context_length"), text(b"llama.block_count")
HEADS = text(b"llama.attention.head_count")


@pytest.mark.parametrize("write", [write_tiny_gguf, write_gemma3, write_qwen3])
def test_the_files_that_writers_make_pass(write: model_files.Judge, tmp_path: Path) -> None:
    write(tmp_path / "a.gguf")
    model_file.check(tmp_path / "a.gguf")


def test_every_type_of_tensor_has_the_blocks_that_the_format_gives_it() -> None:
    theirs = {int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert theirs == model_file.BLOCKS


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"GGUF\3", b"GGUF\4", "its version is 4"),
        (b"GGUF", b"GGML", "does not begin as one"),
        (b"GGUF\3\0\0\0", b"GGUF\3\0\0\0" + b"\xff" * 8, "facts and"),
        (CONTEXT + struct.pack("<II", 4, 512), text(b"general.alignment") + struct.pack("<II", 4, 3), "alignment is 3"),
        (BLOCKS + struct.pack("<II", 4, 2), BLOCKS + struct.pack("<II", 4, 258 * 258), "block_count is 66564"),
        (HEADS + struct.pack("<II", 4, 4), HEADS + struct.pack("<II", 4, 0), "head_count is 0"),
        (HEADS + struct.pack("<II", 4, 4), HEADS + struct.pack("<If", 6, 4.0), r"head_count is 4\.0"),
        (text(b"tiny"), struct.pack("<Q", 2**40) + b"tiny", "a text has"),
        (text(b"tiny"), struct.pack("<Q", 2**23) + b"tiny", "longer than the file"),
        (text(b"general.name"), text(b"general\0name"), "letters that names do not have"),
        (text(b"general.name"), text(b""), "a name has 0 letters"),
        (text(b"<|endoftext|>"), text(b"<|im_start|>"), "a token is there twice"),
        (text(b"tokenizer.ggml.token_type"), text(b"tokenizer.ggml.scores"), "one number of its type"),
        (of(b"blk.0.attn_q.weight", 2), of(b"blk.0.attn_q.weight", 9), "9 dimensions"),
        (of(b"blk.0.attn_q.weight", 2), of(b"blk.0.attn_k.weight", 2), "is there twice"),
        (struct.pack("<QQI", 64, 128, 0), struct.pack("<QQI", 64, 128, 99), "type 99"),
        (struct.pack("<QQI", 64, 128, 0), struct.pack("<QQI", 64, 2**62, 0), "sides of"),
        (struct.pack("<QQI", 64, 128, 0), struct.pack("<QQI", 64, 2**30, 0), "lies upon another|beyond the file"),
        (struct.pack("<QQI", 64, 128, 0), struct.pack("<QQI", 64, 128, 12), "no whole blocks"),
    ],
)
def test_a_header_that_lies_is_refused_with_a_reason(
    tiny_gguf: Path, tmp_path: Path, old: bytes, new: bytes, reason: str
) -> None:
    file = altered(tiny_gguf, tmp_path / "lies.gguf", old, new)
    with pytest.raises(Malformed, match=reason) as refused:
        model_file.check(file)
    assert str(refused.value).startswith("lies.gguf is no GGUF file that can be loaded: ")


def test_a_list_of_lists_and_a_bomb_of_texts_are_refused(tmp_path: Path) -> None:
    for kind, count, reason in ((9, 1, "not in lists"), (8, 2**50, "texts"), (0, 2**63, "longer than the file")):
        fact = text(b"a.b") + struct.pack("<IIQ", 9, kind, count) + b"\0" * 64
        (tmp_path / "a.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + fact)
        with pytest.raises(Malformed, match=reason):
            model_file.check(tmp_path / "a.gguf")


def test_of_broken_headers_none_crashes_llama_cpp_and_verdicts_are_small(tmp_path: Path) -> None:
    """The short form of `python -m bench.model_files`."""
    account = model_files.run(model_files.write_files(tmp_path), seed=9527, count=60, loads=2)
    assert account.failures == []
    assert account.refused > 100
    assert account.loads.total() == 6


@pytest.fixture
def tensors(tmp_path: Path) -> Path:
    """A small safetensors file."""
    arrays = {f"layer.{number}": np.ones((4, 8), np.float32) for number in range(3)}
    save_file(arrays | {"b": np.ones(3, np.float16)}, tmp_path / "a.safetensors", metadata={"format": "pt"})
    return tmp_path / "a.safetensors"


def test_of_broken_safetensors_none_passes_that_the_library_refuses(tensors: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    account, place = model_files.Account(), tmp_path / "broken.safetensors"
    safetensors_file.check(tensors)
    for content in model_files.broken(tensors, 9527, 300):
        place.write_bytes(content)
        if model_files.examine(safetensors_file.check, place, account):
            with safe_open(place, framework="numpy") as opened:
                assert all(opened.get_tensor(name) is not None for name in opened.keys())  # noqa: SIM118
    assert account.refused > 100
    assert account.longest < model_files.SECONDS


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("[" * 5000, "no JSON"),
        (json.dumps({"a": F32 | {"dtype": "F1"}}), "not known"),
        (json.dumps({"a": F32 | {"shape": [2**40]}}), "no possible shape"),
        (json.dumps({"a": F32 | {"shape": [3]}}), "bytes that its shape needs"),
        (json.dumps({"a": F32, "b": F32}), "begins at 0, but"),
        (json.dumps({"a": F32})[:-1] + ', "a": ' + json.dumps(F32) + "}", "twice"),
        (json.dumps({"a": F32 | {"data_offsets": [0, True]}}), "has not"),
        (json.dumps({"a": F32, "__metadata__": {"a": 1}}), "no texts"),
        (json.dumps({}), "but the file has 8"),
    ],
)
def test_a_safetensors_header_that_lies_is_refused_with_a_reason(tmp_path: Path, header: str, reason: str) -> None:
    file = tmp_path / "lies.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header.encode() + b"\0" * 8)
    with pytest.raises(Malformed, match=reason):
        safetensors_file.check(file)
    file.write_bytes(struct.pack("<Q", 2**60) + header.encode())
    with pytest.raises(Malformed, match="more than the file has"):
        safetensors_file.check(file)


@pytest.fixture
def engine(tiny_gguf: Path, tmp_path: Path) -> Flask:
    """An engine whose base model has a vocabulary with one token twice."""
    altered(tiny_gguf, tmp_path / "lies.gguf", text(b"<|endoftext|>"), text(b"<|im_start|>"))
    return create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(tmp_path / "lies.gguf")))


def test_a_caller_is_told_and_the_file_is_judged_again_when_it_changes(
    engine: Flask, tiny_gguf: Path, tmp_path: Path
) -> None:
    reply = engine.test_client().post(
        "/v1/chat/completions", json={"model": "lies", "messages": [{"role": "user", "content": "a"}]}
    )
    error = reply.get_json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "invalid_model_file", "model")
    assert "a token is there twice" in error["message"]
    (tmp_path / "lies.gguf").write_bytes(tiny_gguf.read_bytes())
    models = engine.extensions["engine"].models
    models.base_path(models.default)
    engine.extensions["engine"].store.close()
