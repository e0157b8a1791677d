"""Which columns of a sheet are taken for question and answer, by their names or without, and that it is told."""

from pathlib import Path

import pytest

from dataprep.sources.registry import look_at, recognise
from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.opened import left_out, read_as, turns_of
from tests.dataprep.sources.workbooks import packed_workbook


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    return path


def pairs_in(path: Path, name: str = "qa-csv") -> list[tuple[str, str]]:
    return [(turns[0][1], turns[1][1]) for turns in turns_of(read_as(name, path))]


def reason_for(path: Path) -> str:
    found = recognise(look_at(path))
    return found[1] if found else ""


@pytest.mark.parametrize(
    "header",
    [
        "問題,答案",
        "標準問題,標準答案",
        "提問,回覆",
        "標準問,答覆",
        "質問,回答",
        "질문,답변",
        "Frage,Antwort",
        "Pregunta,Respuesta",
        "PERGUNTA,RESPOSTA",
        "Question,Réponse",
        "Question,Re\u0301ponse",
        "Domanda,Risposta",
        "Vraag,Antwoord",
        "Вопрос,Ответ",
    ],
)
def test_headings_of_other_languages_name_columns_and_are_no_example(tmp_path: Path, header: str) -> None:
    path = written(tmp_path / "faq.csv", f"{header}\nkettle,shelf\n")
    assert pairs_in(path) == [("kettle", "shelf")]
    assert "names its columns" not in reason_for(path)


def test_a_traditional_chinese_sheet_is_read_in_its_encodings_with_its_similar_questions(tmp_path: Path) -> None:
    table = "編號,問題,相似問1,回答\n1,水壺在哪裡？,水壺呢？,在左邊的架子上\n2,杯子在哪裡？,,在抽屜裡面\n"
    pairs = [(asked, "在左邊的架子上") for asked in ("水壺在哪裡？", "水壺呢？")] + [("杯子在哪裡？", "在抽屜裡面")]
    assert pairs_in(written(tmp_path / "faq.csv", table, "big5")) == pairs
    assert pairs_in(written(tmp_path / "faq.tsv", table.replace(",", "\t"), "utf-16"), "qa-tsv") == pairs


def test_a_sheet_without_names_says_what_its_first_row_is_taken_for(tmp_path: Path) -> None:
    text = written(tmp_path / "faq.csv", "\nBest wine?,call +49 30 1234567\nAnd tea?,green\n")
    book = tmp_path / "faq.xlsx"
    cells = "".join(f'<c t="inlineStr"><is><t>{word}</t></is></c>' for word in ("Spørg", "Sig"))
    book.write_bytes(packed_workbook("<row><c><v>7</v></c></row>", f"<row>{cells}</row>"))
    assert "no row names its columns" in reason_for(text)
    assert "the first is read as question 'Best wine?' and answer 'call [PHONE_1]'" in reason_for(text)
    assert "the first is read as question 'Spørg' and answer 'Sig'" in reason_for(book)
    assert left_out(read_as("qa-csv", text)) == [(1, "blank")]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("What is A, then?;A\nWhat is C?;C, and E\nWhat is F, so?;F is G, yes\n", "What is A, then?|A"),
        ("Größe, und wo?;Groß\nPreis, und wann?;Klein\n", "Größe, und wo?|Groß"),
        ("Where; or when?,Here\nWho; and why?,Me\n", "Where; or when?|Here"),
        ("Where?, Here\nWho?, Me; you\n", "Where?|Here"),
        ("Where;how,Here\nWho;what,Me\n", "Where;how|Here"),
        ("Our questions\nWhere?\tHere, there\nWho?\tMe, you\n", "Where?|Here, there"),
    ],
)
def test_without_a_header_the_delimiter_is_the_one_that_cuts_most_rows_alike(
    tmp_path: Path, text: str, pairs: str
) -> None:
    path = written(tmp_path / "faq.csv", text, "cp1252")
    assert "|".join(pairs_in(path)[0]) == pairs
    assert len(pairs_in(path)) == sum("?" in line or ";" in line for line in text.split("\n"))


@pytest.mark.parametrize(
    "text",
    [
        "Nr;Was;Dann\n1;Wo, wann?;Hier\n2;Wer, was?;Ich\n",
        "Dear all\nthe kettle is on the shelf\nthe tea, on the table\ngoodbye\n",
    ],
)
def test_a_comma_in_a_text_makes_no_two_columns(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableSource, match="name two columns"):
        read_as("qa-csv", written(tmp_path / "faq.csv", text))
