"""What a file is written in is guessed before it is read, and not again each time that its reader opens it."""

from pathlib import Path

import chardet
import pytest

from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.options import Options
from dataprep.decoding import encoding_of

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


ENGLISH = "When does the parcel leave the warehouse?,It leaves on Monday and will arrive by Friday at the latest.\n"
FOREIGN = {
    "gb18030": "灯塔几点亮灯？,天黑就亮。",
    "big5": "燈塔幾點亮燈？,天黑就亮。",
    "shift_jis": "灯台はいつ光りますか？,暗くなったらすぐに。",
    "euc-kr": "등대는 언제 켜지나요?,어두워지면 바로 켜집니다.",
    "cp1251": "Когда зажигают маяк?,Как только стемнеет.",
    "cp1252": "Où est le café près de l’hôtel ?,À côté du théâtre.",
}


@pytest.mark.parametrize("rows", [1, 3, 10])
@pytest.mark.parametrize("encoding", FOREIGN)
def test_a_few_rows_among_many_in_ascii_tell_the_encoding(encoding: str, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    text = "question,answer\n" + ENGLISH * 30 + f"{FOREIGN[encoding]}\n" * rows + ENGLISH * 30
    path.write_bytes(text.encode(encoding))
    assert path.read_bytes().decode(encoding_of(path)) == text


def test_a_mark_in_the_middle_of_a_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_bytes(b"question,answer\n\xff\xfeLit?,Since dusk.\n")
    assert encoding_of(path) == "utf-8"
