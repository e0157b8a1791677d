"""What the rules for one example accept and refuse, told line by line."""

import json
import re

import pytest

from dataprep import Finding
from tests.dataprep.lines import assistant, chat, check_text, user

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
TALK = {"messages": [user()], "tools": [TOOL], "parallel_tool_calls": False}


def pair(**changes: object) -> str:
    """A preference line, with these keys changed."""
    line = {"input": TALK, "preferred_output": [assistant("A")], "non_preferred_output": [assistant("B")]}
    return json.dumps({**line, **changes})


VALID = {
    "no system message": chat(user(), assistant()),
    "system first": chat({"role": "system", "content": "Be kind."}, user(), assistant()),
    "developer": chat({"role": "developer", "content": "Be kind."}, user(), assistant()),
    "names": chat(user(name="Ann"), assistant(name="Bob")),
    "weights": chat(user(), assistant(weight=0), user("And?"), assistant(weight=1)),
    "weight null": chat(user(), assistant(weight=None)),
    "refusal": chat(user(), {"role": "assistant", "refusal": "I will not."}),
    "content parts": chat(user([{"type": "text", "text": "Hi"}]), assistant([{"type": "text", "text": "Ahoy!"}])),
    "image": chat(user([{"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}]), assistant()),
    "tool call": chat(
        user(),
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "9"},
        assistant(),
        tools=[TOOL],
        parallel_tool_calls=False,
    ),
    "null content with tool calls": chat(user(), assistant(None, tool_calls=[CALL]), tools=[TOOL]),
    "ends with a call": chat(user(), {"role": "assistant", "tool_calls": [CALL]}, tools=[TOOL]),
    "escapes": chat(user('She said "role": \\"x\\" \\\\'), assistant('"\\')),
    "escaped pair of surrogates": chat(user(), assistant("@")).replace("@", "\\ud83d\\ude00"),
    "preference": pair(),
    "preference, names of the specification": json.dumps(
        {"input": TALK, "preferred_completion": [assistant()], "non_preferred_completion": [assistant("Go.")]}
    ),
    "prompt and completion": json.dumps({"prompt": "", "completion": " Yes.END"}),
}

WAY_OUT = re.compile(r"\b(Add|Declare|Drop|Give|Keep|Leave|Move|Remove|Use|Write|convert it|Did you mean)\b")

REFUSED: dict[str, tuple[str, str, str, str]] = {
    # name: (line, code, pointer, words of the message)
    "role misspelt": (
        chat(user(), {"role": "asistant", "content": "x"}),
        "unknown_role",
        "/messages/1/role",
        "role 'asistant' is not known. Write one of system, user, assistant, tool. Did you mean 'assistant'?",
    ),
    "ShareGPT role": (chat(user(), {"role": "gpt"}), "unknown_role", "/messages/1/role", "mean 'assistant'?"),
    "role a number": (chat(user(), {"role": 7}), "unknown_role", "/messages/1/role", "role 7 is not"),
    "role an object": (chat(user(), {"role": {}}), "unknown_role", "/messages/1/role", "role an object is not"),
    "no role": (chat(user(), {"content": "x"}), "missing_role", "/messages/1", "no 'role'"),
    "role key misspelt": (chat(user(), {"rol": "user"}), "missing_role", "/messages/1", "'rol' meant to be 'role'"),
    "no messages": ('{"conversations": []}', "missing_messages", "", "'conversations'"),
    "Alpaca": (
        '{"instruction": "Translate", "input": "Rain", "output": "Pluie"}',
        "missing_messages",
        "",
        "looks like Alpaca: convert it first",
    ),
    "Alpaca with a system message": (
        '{"system": "", "instruction": "Is it wet?", "input": {}, "output": "Yes", "history": []}',
        "missing_messages",
        "",
        "looks like Alpaca: convert it first",
    ),
    "input and output alone": ('{"input": "Rain", "output": "Pluie"}', "missing_messages", "", "'output'"),
    "messages misspelt": ('{"mesages": []}', "missing_messages", "", "Did you mean 'messages'?"),
    "empty object": ("{}", "missing_messages", "", "no 'messages'"),
    "messages a string": ('{"messages": "x"}', "invalid_messages", "/messages", "is a string"),
    "messages empty": ('{"messages": []}', "invalid_messages", "/messages", "is empty"),
    "message a string": (chat(user(), "x"), "invalid_message", "/messages/1", "is a string"),
    "no content": (chat({"role": "user"}, assistant()), "missing_content", "/messages/0", "no 'content'"),
    "null content": (chat(user(), assistant(None)), "missing_content", "/messages/1", "Give its text"),
    "no tool call": (
        chat(user(), assistant(tool_calls=[])),
        "invalid_tool_calls",
        "/messages/1/tool_calls",
        "at least",
    ),
    "content a number": (chat(user(3), assistant()), "invalid_content", "/messages/0/content", "is a number"),
    "part a string": (chat(user(["x"]), assistant()), "invalid_content", "/messages/0/content/0", "part"),
    "part of odd type": (
        chat(user([{"type": "txt", "text": "x"}]), assistant()),
        "invalid_content",
        "/messages/0/content/0/type",
        "Did you mean 'text'?",
    ),
    "no parts": (chat(user([]), assistant()), "invalid_content", "/messages/0/content", "empty array"),
    "blank part": (
        chat(user(), assistant([{"type": "text", "text": " \u200b"}, {"type": "text", "text": ""}])),
        "empty_content",
        "/messages/1/content",
        "teaches silence",
    ),
    "image without address": (
        chat(user([{"type": "image_url", "image_url": {}}]), assistant()),
        "invalid_content",
        "/messages/0/content/0/image_url",
        "lacks 'url'",
    ),
    "sound without format": (
        chat(user([{"type": "input_audio", "input_audio": {"data": "AA"}}]), assistant()),
        "invalid_content",
        "/messages/0/content/0/input_audio",
        "'data' and 'format'",
    ),
    "file without any": (
        chat(user([{"type": "file", "file": {"filename": "a.pdf"}}]), assistant()),
        "invalid_content",
        "/messages/0/content/0/file",
        "'file_id' or 'file_data'",
    ),
    "image of the assistant": (
        chat(user(), assistant([{"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}])),
        "misplaced_part",
        "/messages/1/content/0",
        "role assistant, which takes text, refusal alone",
    ),
    "image of the system": (
        chat({"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}, user()),
        "misplaced_part",
        "/messages/0/content/0",
        "role system, which takes text alone",
    ),
    "blank answer": (chat(user(), assistant(" \n")), "empty_content", "/messages/1/content", "teaches silence"),
    "no assistant": (chat(user()), "no_assistant_message", "/messages", "nothing to learn"),
    "all weights 0": (chat(user(), assistant(weight=0)), "no_trainable_message", "/messages", "weight 0"),
    "weight 0.5": (chat(user(), assistant(weight=0.5)), "invalid_weight", "/messages/1/weight", "weight 0.5"),
    "weight true": (chat(user(), assistant(weight=True)), "invalid_weight", "/messages/1/weight", "weight true"),
    "weight a word": (chat(user(), assistant(weight="1")), "invalid_weight", "/messages/1/weight", "weight '1'"),
    "weight on user": (chat(user(weight=1), assistant()), "misplaced_weight", "/messages/0/weight", "role user"),
    "key in message": (chat(user(), assistant(ts=1)), "unknown_key", "/messages/1/ts", "unknown key 'ts'"),
    "key misspelt": (
        chat(user(), assistant(tool_cals=[])),
        "unknown_key",
        "/messages/1/tool_cals",
        "Did you mean 'tool_calls'?",
    ),
    "calls of a user": (chat(user(tool_calls=[CALL]), assistant()), "unknown_key", "/messages/0/tool_calls", "user"),
    "key on top": (chat(user(), assistant(), weight=1), "unknown_key", "/weight", "unknown key 'weight'"),
    "key with a slash": (chat(user(), assistant(), **{"a/b~": 1}), "unknown_key", "/a~1b~0", "'a/b~'"),
    "name a number": (chat(user(name=3), assistant()), "invalid_name", "/messages/0/name", "is a number"),
    "arguments an object": (
        chat(user(), assistant(None, tool_calls=[{**CALL, "function": {"name": "f", "arguments": {}}}])),
        "invalid_tool_calls",
        "/messages/1/tool_calls/0/function/arguments",
        "Write the JSON of an object into a string",
    ),
    "answer to no call": (
        chat(user(), {"role": "tool", "tool_call_id": "call_9", "content": "9"}, assistant()),
        "unknown_tool_call_id",
        "/messages/1/tool_call_id",
        "'call_9' answers no call",
    ),
    "tool without id": (
        chat(user(), {"role": "tool", "content": "9"}, assistant()),
        "missing_tool_call_id",
        "/messages/1/tool_call_id",
        "needs 'tool_call_id'",
    ),
    "tools an object": (chat(user(), assistant(), tools={}), "invalid_tools", "/tools", "is an object"),
    "tool without name": (chat(user(), assistant(), tools=[{}]), "invalid_tools", "/tools/0/function", "'name'"),
    "parallel a word": (
        chat(user(), assistant(), parallel_tool_calls="no"),
        "invalid_parallel_tool_calls",
        "/parallel_tool_calls",
        "true or false",
    ),
    "preference without input": (pair(input=[]), "invalid_input", "/input", "'input'"),
    "preference without output": (pair(preferred_output=[]), "invalid_output", "/preferred_output", "the assistant's"),
    "preference for the user": (
        pair(non_preferred_output=[user()]),
        "invalid_output",
        "/non_preferred_output/0/role",
        "is of role user. Give the assistant's",
    ),
    "preference with a stray key": (pair(score=1), "unknown_key", "/score", "'score'"),
    "no completion": ('{"prompt": "a"}', "missing_completion", "", "no 'completion'"),
    "blank completion": ('{"prompt": "a", "completion": " \\u200b"}', "empty_content", "/completion", "silence"),
    "prompt a number": ('{"prompt": 1, "completion": "b"}', "invalid_prompt", "/prompt", "is a number"),
}


def only(findings: list[Finding]) -> Finding:
    """The one finding there is."""
    assert len(findings) == 1, findings
    return findings[0]


@pytest.mark.parametrize("line", VALID.values(), ids=VALID.keys())
def test_a_valid_example_gives_no_finding(line: str) -> None:
    report = check_text(line + "\n")
    assert report.findings == []
    assert report.ok
    assert report.examples == 1


@pytest.mark.parametrize(("line", "code", "pointer", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_faulty_example_is_refused_with_its_line_and_the_way_out(
    line: str, code: str, pointer: str, words: str
) -> None:
    good = {"p": pair(), "c": json.dumps({"prompt": "a", "completion": "b"})}
    first = good["c"] if '"prompt"' in line else good["p"] if '"input"' in line else chat(user("1"), assistant())
    report = check_text(f"{first}\n\n{line}\n")
    finding = only([finding for finding in report.findings if finding.severity == "error"])
    assert (finding.line, finding.code, finding.pointer) == (3, code, pointer)
    assert finding.message.startswith("Line 3: ")
    assert words in finding.message
    assert WAY_OUT.search(finding.message), finding.message
    assert not report.ok


def test_every_fault_of_an_example_is_told_at_once() -> None:
    report = check_text(chat(user(weight=1), {"role": "bot"}, assistant(3), extra=1))
    assert [finding.code for finding in report.findings] == [
        "unknown_key",
        "misplaced_weight",
        "unknown_role",
        "invalid_content",
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (chat(user(), assistant(), user("Bye")), "last_message_not_assistant"),
        (chat(user(""), assistant()), "empty_content"),
        (chat(user([{"type": "text", "text": ""}]), assistant()), "empty_content"),
        (chat(user([{"type": "image_url", "image_url": {"url": "cat.png"}}]), assistant()), "unreachable_image"),
    ],
)
def test_what_is_only_odd_is_a_warning(line: str, code: str) -> None:
    report = check_text(line)
    assert (only(report.findings).code, only(report.findings).severity) == (code, "warning")
    assert report.ok


def test_a_file_of_mixed_kinds_is_refused_and_names_both_lines() -> None:
    report = check_text(chat(user(), assistant()) + '\n{"prompt": "a", "completion": "b"}\n')
    finding = only(report.findings)
    assert (finding.line, finding.code) == (2, "mixed_kinds")
    assert "line 1 is chat messages" in finding.message
    assert report.kind == "chat"


@pytest.mark.parametrize(("name", "kind"), [("names", "chat"), ("preference", "preference")])
def test_the_kind_of_the_file_is_told(name: str, kind: str) -> None:
    assert check_text(VALID[name]).kind == kind
