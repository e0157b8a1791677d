"""Questions for reinforcement, some of which have nothing beside them that a grader reads."""

import json
from pathlib import Path

import pytest

from dataprep.fixing.fix import fix
from tests.dataprep.lines import assistant, chat, check_text, user

GRADED = chat(user("1"), reference="x")
BARE = [
    chat(user("2")),
    chat(user("2"), assistant("so"), user("3")),
    chat({"role": "developer", "content": "d"}, user("4")),
    chat(user("5"), tools=[{"type": "function", "function": {"name": "f"}}]),
]


@pytest.mark.parametrize("line", BARE)
def test_a_question_alone_is_one_for_reinforcement_in_a_file_of_these(line: str) -> None:
    report = check_text(f"{GRADED}\n{line}\n")
    assert (report.kind, report.errors) == ("reinforcement", 0)


@pytest.mark.parametrize("line", BARE)
def test_a_question_alone_is_a_chat_without_an_answer_elsewhere(line: str) -> None:
    report = check_text(f"{chat(user(), assistant())}\n{line}\n")
    assert report.kind == "chat"
    assert report.errors + report.warnings > 0


def test_a_chat_in_a_file_for_reinforcement_stays_one() -> None:
    report = check_text(f"{GRADED}\n{chat(user(), assistant())}\n")
    assert [(one.line, one.code) for one in report.findings if one.severity == "error"] == [(2, "mixed_kinds")]
    again = check_text(f"{GRADED}\n{GRADED}\n{chat(user('7'), refrence=1)}\n")
    assert [one.code for one in again.findings] == ["duplicate_example"]


def test_a_line_that_ends_with_an_answer_keeps_what_it_is_graded_by(tmp_path: Path) -> None:
    lines = [
        GRADED,
        chat(user("2"), assistant("so"), reference="y"),
        chat(reference="z"),
        chat({"role": "system", "content": "s"}, reference="z"),
    ]
    report = check_text("\n".join(lines))
    assert report.kind == "reinforcement"
    told = [(one.line, one.code, one.fix) for one in report.findings if one.severity == "error"]
    assert told == [(2, "invalid_input", None), (3, "invalid_messages", None), (4, "invalid_input", None)]
    source, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text("\n".join(lines), encoding="utf-8")
    fix(source, target)
    assert [json.loads(line) for line in target.read_text("utf-8").splitlines()] == [json.loads(line) for line in lines]
