"""A finding names a mend only where a fix makes it."""

import io
import json
from pathlib import Path

import pytest

from dataprep.checks.checker import check
from dataprep.checks.profiles import TARGETS
from dataprep.fixing.fix import fix
from tests.dataprep.lines import assistant, chat, user


def _call(arguments: object) -> dict[str, object]:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}


CALL = _call('{"a": "b\u200bc"}')
TOOLS = [{"type": "function", "function": {"name": "f"}}]
ANSWER = {"role": "tool", "tool_call_id": "c", "content": "9"}
PAIR = {"preferred_output": [assistant("yes")], "non_preferred_output": [assistant("no")]}
PAIRED = json.dumps({"input": {"messages": [user()]}, **PAIR})
LINES = {
    "two in a row": chat(user(), user("again"), assistant()),
    "two in a row, one named": chat(user(), user("again", name="Ann"), assistant()),
    "two in a row, one in parts": chat(user(), user([{"type": "text", "text": "again"}]), assistant()),
    "two in a row, weighed differently": chat(user(), assistant(weight=0), assistant("learned", weight=1)),
    "words after the answer": chat(user(), assistant(), user("Bye")),
    "two in a row in a question": json.dumps({"input": {"messages": [user(), user("again")]}, **PAIR}),
    "two in a row before a grader": chat(user(), user("again"), reference="42"),
    "an old role before a grader": chat({"role": "human", "content": "x"}, user(), reference="42"),
    "a key in a question": json.dumps({"input": {"messages": [user()], "id": 7}, **PAIR}),
    "a key beside a pair": json.dumps({"input": {"messages": [user()]}, "id": 7, **PAIR}),
    "a key beside a completion": json.dumps({"prompt": "a", "completion": "b", "id": 7}),
    "a key beside the messages": chat(user(), assistant(), id=7),
    "a key mistyped beside the messages": chat(user(), assistant(), tols=[]),
    "a telling key beside the messages": chat(user(), assistant(), prompt="x"),
    "a key in a message": chat(user(time=1), assistant()),
    "a key mistyped in a message": chat(user(), assistant(wieght=0)),
    "a message of nothing but a key": chat({"role": "user", "txt": "x"}, assistant()),
    "an observation": chat(user(), {"role": "observation", "content": "x"}, assistant()),
    "invisible in arguments": chat(user(), assistant(None, tool_calls=[CALL]), ANSWER, assistant(), tools=TOOLS),
    "arguments as an object": chat(
        user(), assistant(None, tool_calls=[_call({"a": 1})]), ANSWER, assistant(), tools=TOOLS
    ),
    "old arguments as an object": chat(
        user(), assistant(None, function_call={"name": "f", "arguments": {}}), assistant(), tools=TOOLS
    ),
    "no calls": chat(user(), assistant(tool_calls=[])),
    "objects in a row": chat(user(), assistant()) + " , " + chat(user("Again?"), assistant("Yes.")),
    "objects behind a carriage return": chat(user(), assistant()) + "\r" + chat(user("Again?"), assistant("Yes.")),
    "objects in a row, one cut": chat(user(), assistant()) + chat(user("Again?"))[:-5],
    "a raw tab": chat(user("a tab"), assistant()).replace(" tab", "\t"),
    "a comma too many": chat(user(), assistant())[:-1] + ",}",
    "an array of examples": chat(user("Lit?"), assistant()) + f"\n[{chat(user(), user('?'), assistant())}, {PAIRED}]",
    "an array of one example": chat(user("Lit?"), assistant()) + f"\n [ {chat(user(), assistant())} ] ",
    "an array with a comma too many": chat(user("Lit?"), assistant()) + f"\n[{chat(user(), assistant())},]",
    "an array with more than examples": chat(user(), assistant()) + f"\n[{chat(user(), assistant())}, 7]",
    "an array of messages": chat(user(), assistant()) + "\n" + json.dumps([user(), assistant()]),
    "an array of nothing": chat(user(), assistant()) + "\n[]",
    "an example and a number": chat(user(), assistant()) + " 7",
    "invisible in an answer": chat(user(), assistant("a\u200bb")),
    "line ends of Unicode's": chat(user("a\u2028b\u0085c"), assistant([{"type": "text", "text": "d\u2029"}])),
    "a line end of Unicode's in an answer not preferred": json.dumps(
        {"input": {"messages": [user()]}, **PAIR, "non_preferred_output": [assistant("n\u2028o")]}
    ),
    "a line end of Unicode's in a completion": json.dumps({"prompt": "a\u2029b", "completion": "c"}),
    "a line end of Unicode's in a reference": chat(user(), reference="a\u2028b"),
}


@pytest.mark.parametrize("profile", TARGETS)
@pytest.mark.parametrize("name", LINES)
def test_what_a_finding_names_as_its_mend_is_made_and_what_is_left_names_none(
    name: str, profile: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "source.jsonl", tmp_path / "target.jsonl"
    source.write_text(LINES[name], encoding="utf-8")
    promised = {one.fix for one in check(io.BytesIO(source.read_bytes()), profile=profile).findings if one.fix}
    report = fix(source, target, profile=profile)
    assert promised <= report.counts.keys()
    assert [one for one in report.left.findings if one.fix] == []


def test_another_encoding_that_a_finding_names_is_read(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jsonl", tmp_path / "target.jsonl"
    source.write_text("\n".join(chat(user(f"第{n}盏灯亮了吗？"), assistant("亮了。")) for n in range(9)), "gb18030")
    assert {one.fix for one in check(io.BytesIO(source.read_bytes())).findings} == {"recode"}
    report = fix(source, target)
    assert (report.counts["recode"], report.left.errors, report.written) == (1, 0, 9)


def test_the_mends_are_named_where_they_are_made() -> None:
    named = {one.fix for line in LINES.values() for one in check(io.BytesIO(line.encode()), profile="mistral").findings}
    made = {"merge_messages", "drop_trailing_messages", "drop_key", "drop_invisible", "rename_role"}
    assert named == made | {
        None,
        "arguments_to_text",
        "drop_empty_calls",
        "split_lines",
        "drop_trailing_comma",
        "escape_control",
        "separator_to_lf",
        "array_to_lines",
    }
