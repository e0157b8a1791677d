"""What may be called: definitions need names of their own and parameters that are a schema."""

import pytest

from tests.dataprep.lines import assistant, chat, check_text, user

AT = "/tools/0/function"


def found(*functions: object) -> list[tuple[str, str, str]]:
    """Code, pointer and severity of all that is found in a talk with tools of these functions."""
    tools = [{"type": "function", "function": function} for function in functions]
    report = check_text(chat(user(), assistant(), tools=tools))
    return [(one.code, one.pointer, one.severity) for one in report.findings]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parameters": None},
        {"parameters": {}},
        {"parameters": {"type": "object"}},
        {"parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, "strict": True},
        {"description": "Looks.", "parameters": {"properties": {"a": {}}}},
    ],
)
def test_a_schema_of_an_object_is_fine_and_none_too(more: dict[str, object]) -> None:
    assert found({"name": "look", **more}) == []


@pytest.mark.parametrize(
    ("parameters", "pointer", "words"),
    [
        ("none", "/parameters", "are a string"),
        ([], "/parameters", "are an array"),
        ({"type": "string"}, "/parameters/type", "'string'"),
        ({"type": ["object"]}, "/parameters/type", "an array"),
        ({"properties": ["a"]}, "/parameters/properties", "is an array"),
        ({"required": "a"}, "/parameters/required", "is 'a'"),
    ],
)
def test_parameters_that_are_no_schema_of_an_object_are_refused(parameters: object, pointer: str, words: str) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": parameters}}
    (finding,) = check_text(chat(user(), assistant(), tools=[tool])).findings
    assert (finding.code, finding.pointer, finding.severity) == ("invalid_tools", AT + pointer, "error")
    assert words in finding.message
    assert "'look'" in finding.message


def test_a_name_is_not_empty_and_declared_once() -> None:
    assert found({"name": ""}) == [("invalid_tools", AT + "/name", "error")]
    assert found({"name": "look"}, {"name": "go"}, {"name": "look"}) == [
        ("repeated_tool", "/tools/2/function/name", "error")
    ]
    report = check_text(chat(user(), assistant(), functions=[{"name": "look"}, {"name": "look"}]))
    assert [(one.code, one.pointer) for one in report.findings] == [("repeated_tool", "/functions/1/name")]
