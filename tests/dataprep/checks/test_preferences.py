"""Preference pairs: as other tools write them, and what their outputs may hold."""

import json
from pathlib import Path

import pytest

from dataprep.fixing.fix import fix
from tests.dataprep.lines import assistant, chat, check_text, user

FOREIGN = {
    "texts": {"prompt": "Lit?", "chosen": "Since dusk.", "rejected": "No."},
    "messages": {"prompt": [user()], "chosen": [assistant()], "rejected": [assistant("No.")]},
    "whole talks": {"chosen": [user(), assistant()], "rejected": [user(), assistant("No.")]},
    "a system prompt and an id": {"id": 1, "system": "s", "prompt": "a", "chosen": "b", "rejected": "c"},
    "a question": {"question": "Lit?", "chosen": "Yes.", "rejected": "No."},
    "messages before": json.loads(chat(user(), assistant("Lit?"), chosen=assistant(), rejected=assistant("No."))),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_pair_as_other_tools_write_it_is_told_how_to_be_written(name: str, tmp_path: Path) -> None:
    line = json.dumps(FOREIGN[name])
    report = check_text(line)
    (finding,) = report.findings
    assert (finding.code, finding.severity, report.kind) == ("invalid_input", "error", "preference")
    assert all(
        key in finding.message for key in ('"input": {"messages"', '"preferred_output"', '"non_preferred_output"')
    )
    assert "Remove" not in finding.message
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    fix(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_text(encoding="utf-8") == line + "\n"


def test_what_a_grader_compares_with_is_no_preference() -> None:
    assert check_text(chat(user(), chosen="a", rejected="b")).kind == "reinforcement"


def found(chosen: list[object], refused: list[object]) -> list[tuple[str, str, str]]:
    """Code, pointer and severity of all findings in a pair of these outputs."""
    line = {"input": {"messages": [user()]}, "preferred_output": chosen, "non_preferred_output": refused}
    return [(one.code, one.pointer, one.severity) for one in check_text(json.dumps(line)).findings]


def test_an_output_is_one_message() -> None:
    turns: list[object] = [assistant("Yes."), user(), assistant("Dusk.")]
    assert found([assistant("Yes.")], [assistant("No.")]) == []
    assert found(turns, [assistant("No.")]) == [("invalid_output", "/preferred_output", "error")]
    assert found([assistant("Yes.")], turns) == [("invalid_output", "/non_preferred_output", "error")]


@pytest.mark.parametrize("weight", [0, 1])
def test_a_weight_in_an_output_is_warned_of(weight: int) -> None:
    assert found([assistant("Yes.", weight=weight)], [assistant("No.", weight=weight)]) == [
        ("weight_ignored", "/preferred_output/0/weight", "warning"),
        ("weight_ignored", "/non_preferred_output/0/weight", "warning"),
    ]


@pytest.mark.parametrize("weight", [2, True, "1"])
def test_a_wrong_weight_in_an_output_is_told_once(weight: object) -> None:
    assert found([assistant("Yes.", weight=weight)], [assistant("No.")]) == [
        ("invalid_weight", "/preferred_output/0/weight", "error")
    ]


@pytest.mark.parametrize("content", ["", " \n", [{"type": "text", "text": ""}]])
def test_silence_is_refused_where_it_is_taught_and_warned_of_where_it_is_not(content: object) -> None:
    assert found([assistant("Yes.")], [assistant(content)]) == [
        ("empty_content", "/non_preferred_output/0/content", "warning")
    ]
    assert found([assistant(content)], [assistant("No.")]) == [
        ("empty_content", "/preferred_output/0/content", "error")
    ]
    pair = {"input": {"messages": [user()]}, "preferred_completion": [assistant("Yes.")]}
    report = check_text(json.dumps(pair | {"non_preferred_completion": [assistant("")]}))
    assert report.ok
    assert "'non_preferred_completion' is empty: beside it any answer will do. Give one" in report.findings[0].message


def test_what_was_answered_before_a_pair_contradicts_nothing() -> None:
    pairs = [
        json.dumps(
            {
                "input": {"messages": [user("Lit?"), assistant(f"Answer {number}."), user(f"And lamp {number}?")]},
                "preferred_output": [assistant(f"Lamp {number} is lit.")],
                "non_preferred_output": [assistant("No.")],
            }
        )
        for number in range(2)
    ]
    assert "contradiction" not in [one.code for one in check_text("\n".join(pairs)).findings]
