"""Questions for reinforcement, some of which have nothing beside them that a grader reads."""

import pytest

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
