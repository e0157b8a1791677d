"""Data laid out for training: each layout as array and as lines, roles, tools, weights, and what is damaged."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from dataprep.records import Dialogue, LeftOut
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

CHAT = {"messages": [{"role": "user", "content": "kettle?"}, {"role": "assistant", "content": "left shelf"}]}
SHARED = {"conversations": [{"from": "human", "value": "kettle?"}, {"from": "gpt", "value": "left shelf"}]}
ALPACA = {"instruction": "kettle?", "input": "", "output": "left shelf"}
COMPLETION = {"prompt": "kettle?", "completion": "left shelf"}
LAYOUTS = {"messages": CHAT, "sharegpt": SHARED, "alpaca": ALPACA, "prompt-completion": COMPLETION}
TURNS = [("user", "kettle?"), ("assistant", "left shelf")]


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_row(tmp_path: Path, row: object) -> Any:
    [read] = read_as("messages", lines(tmp_path / "data.jsonl", row))
    return read


def turns(tmp_path: Path, row: object) -> list[tuple[str, Any]]:
    [only] = turns_of([read_row(tmp_path, row)])
    return only


def refused(tmp_path: Path, row: object) -> tuple[str, str]:
    read = read_row(tmp_path, row)
    assert isinstance(read, LeftOut)
    return read.reason, read.detail


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_lines_and_objects_in_a_row_give_the_same(tmp_path: Path, name: str, indent: int | None) -> None:
    row = LAYOUTS[name]
    texts = {
        "array.json": json.dumps([row, row], indent=indent),
        "lines.jsonl": json.dumps(row) + "\n" + json.dumps(row),
        "stream.json": json.dumps(row, indent=indent) + json.dumps(row, indent=indent),
        "utf16.json": json.dumps([row, row]),
    }
    for file, text in texts.items():
        path = tmp_path / file
        path.write_bytes(text.encode("utf-16" if file == "utf16.json" else "utf-8-sig"))
        assert recognised(path) == name, file
        rows = read_as(name, path)
        assert turns_of(rows) == [TURNS, TURNS], file
        assert [row.place.row for row in rows] == [1, 2]


def test_every_line_is_accounted_for_and_a_broken_one_costs_itself_alone(tmp_path: Path) -> None:
    path = lines(tmp_path / "data.jsonl", CHAT)
    more = '\n{"messages": [},\n' + json.dumps(COMPLETION) + "\n[1]\n" + json.dumps(ALPACA | {"output": " "}) + "\n"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    rows = read_as("messages", path)
    assert count_rows(rows) == 6
    assert [row.place.row for row in rows] == [1, 2, 3, 4, 5, 6]
    assert left_out(rows) == [(2, "blank"), (3, "broken_row"), (5, "broken_row"), (6, "no_answer")]


@pytest.mark.parametrize(
    ("written", "role"),
    [
        *[(name, "user") for name in ("user", "human", "Human", "Q", "问", "问：", "用户", "prompter")],
        *[(name, "assistant") for name in ("assistant", "gpt", "bot", "chatbot", "A", "答", "A:", "AI", "助手")],
        *[("system", "system"), ("developer", "developer"), ("系统", "system")],
        *[("observation", "tool"), ("tool_response", "tool")],
    ],
)
def test_roles_have_synonyms(tmp_path: Path, written: str, role: str) -> None:
    rows = {"messages": [{"role": written, "content": "x"}, {"role": "assistant", "content": "y"}]}
    assert turns(tmp_path, rows)[0] == (role, "x")


def test_an_unknown_role_is_named(tmp_path: Path) -> None:
    reason, detail = refused(tmp_path, {"messages": [{"role": "asistant", "content": "x"}]})
    assert reason == "broken_row"
    assert "'asistant'" in detail


def test_weight_tools_and_calls_are_kept_and_foreign_keys_are_not(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "boil", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "boil", "parameters": {}}}
    row = {
        "messages": [
            {"role": "user", "content": "tea", "time": 7, "weight": 1},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "hot"},
            {"role": "assistant", "content": "done", "weight": 0.0},
            {"role": "assistant", "content": "well done", "weight": 1},
        ],
        "tools": [tool],
        "parallel_tool_calls": False,
    }
    dialogue = read_row(tmp_path, row)
    assert dialogue.messages == (
        {"role": "user", "content": "tea"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "hot", "tool_call_id": "c1"},
        {"role": "assistant", "content": "done", "weight": 0},
        {"role": "assistant", "content": "well done", "weight": 1},
    )
    assert dict(dialogue.extra) == {"tools": [tool], "parallel_tool_calls": False}


def test_sharegpts_calls_become_calls_that_their_observations_answer(tmp_path: Path) -> None:
    row = {
        "conversations": [
            {"from": "human", "value": "tea"},
            {"from": "function_call", "value": '[{"name": "boil", "arguments": {"l": 1}}, {"name": "pour"}]'},
            {"from": "observation", "value": "hot"},
            {"from": "observation", "value": "poured"},
            {"from": "gpt", "value": "done"},
        ],
        "system": "You make tea.",
        "tools": '[{"name": "boil"}]',
    }
    dialogue = read_row(tmp_path, row)
    system, _, asked, *observed, _ = dialogue.messages
    assert system == {"role": "system", "content": "You make tea."}
    assert [one["function"]["arguments"] for one in asked["tool_calls"]] == ['{"l": 1}', "{}"]
    assert [one["tool_call_id"] for one in observed] == [one["id"] for one in asked["tool_calls"]]
    assert dict(dialogue.extra) == {"tools": [{"type": "function", "function": {"name": "boil"}}]}


def test_alpaca_puts_system_history_and_input_where_they_belong(tmp_path: Path) -> None:
    row = {"instruction": "Translate", "input": "tea", "output": "茶", "system": "Be brief", "history": [["hi", "yo"]]}
    assert turns(tmp_path, row) == [
        ("system", "Be brief"),
        ("user", "hi"),
        ("assistant", "yo"),
        ("user", "Translate\ntea"),
        ("assistant", "茶"),
    ]


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        ("kettle?\n\n###\n\n", " left shelf END", ("kettle?", "left shelf")),
        ("kettle? ->", " left shelf###", ("kettle?", "left shelf")),
        ("Which film?", "It says THE END", ("Which film?", "It says THE END")),
    ],
)
def test_the_marks_of_the_old_guide_go(tmp_path: Path, prompt: str, completion: str, expected: tuple[str, str]) -> None:
    read = turns(tmp_path, {"prompt": prompt, "completion": completion})
    assert tuple(text for _, text in read) == expected


def test_prompt_and_completion_may_be_messages(tmp_path: Path) -> None:
    assert turns(tmp_path, {"prompt": CHAT["messages"][:1], "completion": CHAT["messages"][1:]}) == TURNS


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": " ", "completion": "x"}, "no_question"),
        ({"instruction": "", "output": "x"}, "no_question"),
        ({"instruction": "x", "output": ""}, "no_answer"),
        ({"messages": [{"role": "user", "content": "x"}]}, "no_answer"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": None}]}, "no_answer"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": 0}]}, "no_answer"),
        ({"messages": []}, "blank"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": 0.5}]}, "broken_row"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": True}]}, "broken_row"),
        ({"messages": [{"role": "assistant", "content": 5}]}, "broken_row"),
        ({"messages": ["x"]}, "broken_row"),
        ({"messages": "x"}, "broken_row"),
        ({"instruction": "x", "output": "y", "history": [["only"]]}, "broken_row"),
        ({"instruction": ["x"], "output": "y"}, "broken_row"),
        ({"prompt": "x", "completion": 7}, "broken_row"),
        ({"conversations": [{"from": "function_call", "value": "boil()"}]}, "broken_row"),
        (CHAT | {"tools": "no json"}, "broken_row"),
        ({"question": "x"}, "broken_row"),
        ("x", "broken_row"),
    ],
)
def test_rows_without_a_lesson_are_left_out_for_a_reason(tmp_path: Path, row: object, reason: str) -> None:
    assert refused(tmp_path, row)[0] == reason


def test_a_layouts_name_inside_somebodys_words_decides_nothing(tmp_path: Path) -> None:
    row = {"instruction": 'Explain "messages": [{"role": "x"}]', "output": "A key."}
    assert recognised(lines(tmp_path / "data.jsonl", row)) == "alpaca"
    assert recognised(lines(tmp_path / "other.jsonl", {"name": "chat", "messages": [{"text": "hi"}]})) is None


def test_a_broken_array_is_refused_with_the_number_of_the_example(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([CHAT, CHAT])[:-10], encoding="utf-8")
    with pytest.raises(UnreadableSource, match="Example 2"):
        read_as("messages", path)


@pytest.mark.parametrize("text", ["", "[]", " \n"])
def test_an_empty_file_is_refused_or_blank(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.json"
    path.write_text(text, encoding="utf-8")
    assert recognised(path) is None
    try:
        rows = read_as("messages", path)
    except UnreadableSource:
        rows = []
    assert not turns_of(rows)


def test_half_a_character_in_an_array_becomes_the_sign_for_lost_ones(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('[{"prompt": "a\\ud83d", "completion": "b\\ud83d\\ude00"}]', encoding="ascii")
    assert turns_of(read_as("messages", path)) == [[("user", "a\ufffd"), ("assistant", "b😀")]]


@pytest.mark.parametrize("name", LAYOUTS)
@settings(max_examples=60, deadline=None)
@given(damaged(json.dumps([LAYOUTS, CHAT, SHARED, ALPACA, COMPLETION]).encode()))
def test_damage_never_raises(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.json"
        path.write_bytes(data)
        assert_reads_or_refuses(name, path)
        path.write_bytes(data.replace(b"}, ", b"}\n").strip(b"[]"))
        assert_reads_or_refuses(name, path)


def test_dialogues_are_all_that_a_sound_file_gives(tmp_path: Path) -> None:
    rows = read_as("sharegpt", lines(tmp_path / "d.jsonl", *LAYOUTS.values()))
    assert [type(row) for row in rows] == [Dialogue] * 4
