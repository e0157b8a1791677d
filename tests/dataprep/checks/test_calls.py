"""Tools in use: calls need arguments in JSON, an answer each, and a declaration."""

import json

import pytest

from tests.dataprep.lines import GREETING, assistant, chat, check_text, user

TOOL = {"type": "function", "function": {"name": "look"}}


def call(call_id: str = "c1", name: str = "look", arguments: str = "{}") -> dict[str, object]:
    """A tool call."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def talk(*calls: object, answers: tuple[str, ...] = ("c1",), tools: object = (TOOL,)) -> list[tuple[str, str, str]]:
    """Code, pointer and severity of all that is found in a talk with these calls and answers."""
    made = {"role": "assistant", "tool_calls": list(calls)}
    replies = [{"role": "tool", "tool_call_id": answer, "content": "9"} for answer in answers]
    beside = {"tools": tools} if tools else {}
    report = check_text(chat(user(), made, *replies, assistant(), **beside))
    return [(one.code, one.pointer, one.severity) for one in report.findings]


def test_an_answered_declared_call_is_fine() -> None:
    assert talk(call()) == []
    assert talk(call(), call("c2"), answers=("c2", "c1")) == []


def test_a_call_without_an_answer_is_refused() -> None:
    at = "/messages/1/tool_calls/1"
    assert talk(call(), call("c2")) == [("unanswered_tool_call", at, "error")]


@pytest.mark.parametrize(("arguments", "severity"), [("{city: Paris}", "error"), ("", "error"), ("[1]", "warning")])
def test_arguments_that_are_no_object_in_json_are_told(arguments: str, severity: str) -> None:
    at = "/messages/1/tool_calls/0/function/arguments"
    assert talk(call(arguments=arguments)) == [("invalid_arguments", at, severity)]


def test_a_function_that_is_not_declared_is_told() -> None:
    at = "/messages/1/tool_calls/0"
    assert talk(call(name="lok")) == [("undeclared_tool", at, "error")]
    assert talk(call(), tools=None) == [("undeclared_tool", at, "error")]


@pytest.mark.parametrize(("made", "member"), [(call(name=" "), "function/name"), (call(call_id=""), "id")])
def test_a_call_needs_an_id_and_a_name_that_are_not_empty(made: dict[str, object], member: str) -> None:
    assert talk(made, answers=()) == [("invalid_tool_calls", f"/messages/1/tool_calls/0/{member}", "error")]


def test_calls_of_a_preference_are_declared_beside_its_question() -> None:
    made = {"role": "assistant", "tool_calls": [call()]}
    line = {"input": {"messages": [user()]}, "preferred_output": [made], "non_preferred_output": [assistant()]}
    (finding,) = check_text(json.dumps(line)).findings
    assert (finding.code, finding.pointer) == ("undeclared_tool", "/preferred_output/0/tool_calls/0")
    declared = {**line, "input": {"messages": [user()], "tools": [TOOL]}}
    assert check_text(json.dumps(declared)).findings == []


def test_an_id_used_twice_is_told() -> None:
    assert talk(call(), call()) == [("repeated_tool_call_id", "/messages/1/tool_calls/1/id", "warning")]


def test_the_old_way_to_call_is_named_with_the_new_one() -> None:
    line = chat(
        user(),
        assistant(None, function_call={"name": "look", "arguments": "{}"}),
        {"role": "function", "name": "look", "content": None},
        assistant(),
        functions=[{"name": "look", "parameters": {}}],
    )
    report = check_text(line)
    assert report.ok
    assert [one.code for one in report.findings] == ["legacy_function_call", "legacy_function_role"]
    assert "'tool_calls'" in report.findings[0].message


@pytest.mark.parametrize(
    ("role", "meant"),
    [
        *[(role, "user") for role in ("human", "User", "Human:", "Q", "问", "用户")],
        *[(role, "assistant") for role in ("gpt", "chatbot", "答：", "助手")],
        *[("系统", "system"), ("observation", "tool")],
    ],
)
def test_a_role_of_another_tool_is_translated(role: str, meant: str) -> None:
    (finding,) = check_text(chat({"role": role, "content": "x", "tool_call_id": "c"}, assistant())).findings
    assert (finding.code, finding.fix) == ("unknown_role", "rename_role")
    assert f"Did you mean '{meant}'?" in finding.message


def test_a_role_that_may_be_any_speaker_is_guessed_but_not_changed() -> None:
    (finding,) = check_text(chat({"role": "A", "content": "x"}, {"role": "assistant", "content": "y"})).findings
    assert (finding.code, finding.fix) == ("unknown_role", None)
    assert "Did you mean 'assistant'?" in finding.message


@pytest.mark.parametrize("key", ["conversations", "instruction", "mapping"])
def test_a_line_of_another_format_is_called_by_its_name(key: str) -> None:
    (finding,) = check_text("\n".join([json.dumps(GREETING), json.dumps({key: [], "output": "x"})])).findings
    assert (finding.code, "convert it first" in finding.message) == ("missing_messages", True)
