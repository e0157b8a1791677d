"""Texts with marked questions, and documents that are refused."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.opened import (
    assert_reads_or_refuses,
    count_rows,
    damaged,
    left_out,
    read_as,
    recognised,
    turns_of,
)

FAQ = """# Kitchen

All about it.

Q: Where is the kettle?
A: On the left shelf.

It is the blue one.

**问：** 茶在哪里？
**答：** 在右边。

## Rules
Be kind.
Q: And the cups?
Q2: And the spoons?
A2: In the drawer.
"""


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["faq.md", "faq.TXT"])
@pytest.mark.parametrize(
    ("encoding", "end"), [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("gb18030", "\n"), ("utf-16", "\n")]
)
def test_pairs_are_read_and_every_other_line_is_left_out(tmp_path: Path, name: str, encoding: str, end: str) -> None:
    path = write(tmp_path / name, FAQ.replace("\n", end), encoding)
    assert recognised(path) == "qa-text"
    rows = read_as("qa-text", path)
    assert turns_of(rows) == [
        [("user", "Where is the kettle?"), ("assistant", "On the left shelf.\n\nIt is the blue one.")],
        [("user", "茶在哪里？"), ("assistant", "在右边。")],
        [("user", "And the spoons?"), ("assistant", "In the drawer.")],
    ]
    assert left_out(rows) == [(1, "no_pair"), (13, "no_pair"), (15, "no_answer")]
    assert count_rows(rows) == FAQ.count("\n")


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("Q: x\nA: y\nA: z\n", [(3, "no_question")]),
        ("A: z\nQ: x\nA: y\n", [(1, "no_question")]),
        ("Q: x\nA: y\n---\nQ: z\nA:\n", [(3, "no_pair"), (4, "no_answer")]),
    ],
)
def test_a_side_alone_is_left_out(tmp_path: Path, text: str, reasons: list[tuple[int, str]]) -> None:
    rows = read_as("qa-text", write(tmp_path / "faq.txt", text))
    assert turns_of(rows) == [[("user", "x"), ("assistant", "y")]]
    assert left_out(rows) == reasons


def test_a_heading_that_asks_is_answered_by_what_stands_below_it(tmp_path: Path) -> None:
    text = (
        "# What is in the kitchen?\nAll about it.\n## Where is the kettle?\nOn the left shelf.\n\nThe blue one.\n"
        "## **茶在哪里？** ##\nA: 在右边。\n\n## **And the cups?**\n\n## Rules\nBe kind.\n"
    )
    path = write(tmp_path / "faq.md", text)
    assert recognised(path) == "qa-text"
    rows = read_as("qa-text", path)
    assert turns_of(rows) == [
        [("user", "Where is the kettle?"), ("assistant", "On the left shelf.\n\nThe blue one.")],
        [("user", "茶在哪里？"), ("assistant", "在右边。")],
    ]
    assert left_out(rows) == [(1, "no_pair"), (10, "no_answer"), (12, "no_pair")]
    assert count_rows(rows) == text.count("\n")


def test_a_single_heading_that_asks_makes_no_text_of_questions(tmp_path: Path) -> None:
    assert recognised(write(tmp_path / "readme.md", "# Why?\nBecause.\n## How\nSo.\n")) == "document"


def test_marks_and_headings_within_code_are_code(tmp_path: Path) -> None:
    text = "```\nQ: not this\n```\nQ: x\nA: run\n```\n# a comment\nA: no mark\n```\n"
    rows = read_as("qa-text", write(tmp_path / "faq.md", text))
    assert turns_of(rows) == [[("user", "x"), ("assistant", "run\n```\n# a comment\nA: no mark\n```")]]
    assert left_out(rows) == [(1, "no_pair")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plan.pdf", b"%PDF-1.7\n"),
        ("plan", b"%PDF-1.7\n"),
        ("plan.docx", b"PK\3\4"),
        ("plan.md", b"# Kettle\n\nOn the left shelf.\n"),
        ("plan.txt", b"A: is a letter"),
    ],
)
def test_documents_without_pairs_are_refused_with_the_way_out(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert recognised(path) == "document"
    with pytest.raises(UnreadableSource, match="Q: "):
        read_as("document", path)


def test_a_text_whose_questions_have_no_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="No question in it has an answer"):
        read_as("qa-text", write(tmp_path / "faq.txt", "Q: x\n"))


@settings(max_examples=100, deadline=None)
@given(damaged(FAQ.encode()))
def test_damage_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faq.md"
        path.write_bytes(data)
        assert_reads_or_refuses("qa-text", path)
        assert_reads_or_refuses("document", path)
