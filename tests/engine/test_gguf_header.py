"""What a GGUF file says of its model; of anything else, nothing."""

from pathlib import Path

import pytest

from engine import gguf_header
from engine.gguf_header import Header
from tests.tiny_models import CONTEXT, HEAD, KV_HEADS, LAYERS


def test_context_and_cache_are_read(tiny_gguf: Path) -> None:
    assert gguf_header.read(tiny_gguf) == Header("llama", CONTEXT, cache_bytes=LAYERS * KV_HEADS * 2 * HEAD * 2)


@pytest.mark.parametrize("content", [b"", b"no model", b"GGUF" + b"\0" * 100, b"GGUF\3\0\0\0" + b"\xff" * 64])
def test_a_file_that_is_none_says_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(content)
    assert gguf_header.read(file) == Header()
    assert gguf_header.read(tmp_path / "missing.gguf") == Header()
    assert gguf_header.within_context(file, 4096) == 4096


def test_every_cut_of_a_file_is_survived(tiny_gguf: Path, tmp_path: Path) -> None:
    whole, cut = tiny_gguf.read_bytes()[:600], tmp_path / "cut.gguf"
    for length in range(0, len(whole), 7):
        cut.write_bytes(whole[:length])
        gguf_header.read(cut)
