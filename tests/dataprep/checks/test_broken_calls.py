"""A call that is told to be broken is told once, and a declaration that is empty is called so."""

import pytest

from tests.dataprep.lines import assistant, chat, check_text, user

FUNCTION = {"name": "look", "arguments": "{}"}
TOOLS = [{"type": "function", "function": {"name": "look"}}]


def found(call: dict[str, object], **beside: object) -> list[tuple[str, str]]:
    """Code and message of all errors in a talk with this call, which is answered."""
    answer = {"role": "tool", "tool_call_id": "a", "content": "9"}
    line = chat(user(), assistant(None, tool_calls=[call]), answer, assistant(), **beside)
    return [(one.code, one.detail) for one in check_text(line).findings if one.severity == "error"]


@pytest.mark.parametrize(
    "call",
    [
        {"id": "a", "type": "function", "function": {"name": "look", "arguments": {"at": "sea"}}},
        {"id": "a", "function": FUNCTION},
        {"id": "a", "type": "function"},
    ],
)
def test_the_answer_to_a_broken_call_is_no_second_fault(call: dict[str, object]) -> None:
    assert [code for code, _ in found(call, tools=TOOLS)] == ["invalid_tool_calls"]


@pytest.mark.parametrize(
    ("beside", "told", "never"),
    [
        ({}, "has no 'tools' at all", "empty"),
        ({"tools": []}, "'tools' is empty", "no 'tools'"),
        ({"functions": []}, "'functions' is empty", "no 'tools'"),
        ({"tools": TOOLS}, "is not declared", "tools' "),
    ],
)
def test_what_is_missing_where_a_function_is_not_declared(beside: dict[str, object], told: str, never: str) -> None:
    call: dict[str, object] = {"id": "a", "type": "function", "function": {"name": "paint", "arguments": "{}"}}
    (detail,) = (detail for code, detail in found(call, **beside) if code == "undeclared_tool")
    assert told in detail
    assert never not in detail
