"""Lines are cut at LF alone, wherever a chunk of the file ends, and a long one is not read again and again."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataprep.sources import text_lines
from dataprep.sources.text_lines import read_lines

PIECES = st.lists(st.sampled_from(["\n", "\r\n", "\r", "lamp", "界", "\u2028", " "]), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, chunk=st.integers(1, 9))
def test_lines_are_the_same_whatever_the_chunks(
    pieces: list[str], chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "CHUNK_CHARS", chunk)
    text = "".join(pieces)
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode("utf-8-sig"))
    *lines, rest = text.split("\n")
    expected = [line.removesuffix("\r") for line in [*lines, *([rest] if rest else [])]]
    assert list(read_lines(path)) == list(enumerate(expected, 1))
