"""What a file is written in is guessed before it is read, and not again each time that its reader opens it."""

from pathlib import Path

import chardet
import pytest

from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.options import Options

FAQ = "问题,答案\n灯塔几点亮灯？,天黑就亮。\n茶壶在哪里？,在左边的架子上。\n"


def test_readers_that_open_a_file_more_than_once_need_no_second_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "faq.csv"
    path.write_bytes(FAQ.encode("gb18030"))
    looks, detect = list[int](), chardet.detect

    def counted(sample: bytes) -> object:
        looks.append(len(sample))
        return detect(sample)

    monkeypatch.setattr(chardet, "detect", counted)
    conversion = convert(labelled([path]), Options())
    assert [example.messages[0]["content"] for example in conversion.training] == ["灯塔几点亮灯？", "茶壶在哪里？"]
    assert len(looks) == 2  # for what it is, in its first bytes, and for what it is read in
