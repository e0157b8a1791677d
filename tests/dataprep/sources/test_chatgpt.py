"""ChatGPT's data export: the branch last seen, what the reader of a conversation saw, and what is damaged."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.options import Options
from dataprep.records import Dialogue
from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.opened import (
    assert_reads_or_refuses,
    count_rows,
    damaged,
    left_out,
    read_as,
    recognised,
    turns_of,
    write_json,
)


def said(role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    return {"author": {"role": role}, "content": {"content_type": "text", "parts": list(parts)}, "weight": 1.0, **more}


def conversation(*chain: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A conversation whose messages follow each other, from a root without a message."""
    nodes: dict[str, Any] = {"n0": {"id": "n0", "message": None, "parent": None, "children": ["n1"]}}
    for number, message in enumerate(chain, 1):
        nodes[f"n{number}"] = {"message": message, "parent": f"n{number - 1}", "children": [f"n{number + 1}"]}
    return {"title": "t", "mapping": nodes, "current_node": f"n{len(chain)}", "conversation_id": "c", **more}


def export(path: Path, *conversations: Any) -> Path:
    return write_json(path, list(conversations))


def shown(tmp_path: Path, *chain: dict[str, Any]) -> list[tuple[str, str]]:
    [turns] = turns_of(read_as("chatgpt-json", export(tmp_path / "conversations.json", conversation(*chain))))
    return turns


def test_only_the_branch_last_seen_is_read(tmp_path: Path) -> None:
    one = conversation(said("user", "kettle?"), said("assistant", "old answer"))
    one["mapping"]["again"] = {"message": said("assistant", "left shelf"), "parent": "n1", "children": []}
    one["current_node"] = "again"
    path = export(tmp_path / "conversations.json", one)
    assert recognised(path) == "chatgpt-json"
    rows = read_as("chatgpt-json", path)
    assert turns_of(rows) == [[("user", "kettle?"), ("assistant", "left shelf")]]
    assert count_rows(rows) == 1


def test_what_was_hidden_or_went_to_a_tool_stays_out(tmp_path: Path) -> None:
    code = {"content": {"content_type": "code", "text": "1+1"}}
    turns = shown(
        tmp_path,
        said("system", "be brief", weight=0.0),
        said("user", "about me", metadata={"is_visually_hidden_from_conversation": True}),
        said("user", "sum?"),
        said("assistant", "", recipient="python") | code,
        said("tool", "2"),
        said("assistant", "hm", content={"content_type": "thoughts", "thoughts": []}),
        said("assistant", "let me look", channel="commentary"),
        said("assistant", "It is 2.", recipient="all", channel="final"),
    )
    assert turns == [("user", "sum?"), ("assistant", "It is 2.")]


def test_an_answer_cut_by_a_tool_is_one_answer(tmp_path: Path) -> None:
    turns = shown(tmp_path, said("user", "q"), said("assistant", "one"), said("tool", "x"), said("assistant", "two"))
    assert turns == [("user", "q"), ("assistant", "one\n\ntwo")]


def test_citations_go_and_pictures_leave_a_mark_only_where_no_words_are(tmp_path: Path) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    turns = shown(
        tmp_path,
        said("user", picture, "what is it?"),
        said("assistant", "A kettle.\ue200cite\ue202turn0search1\ue201"),
        said("user", picture),
        said("assistant", "Another."),
    )
    assert [text for _, text in turns] == ["what is it?", "A kettle.", "[image]", "Another."]


def test_an_answer_of_a_picture_alone_is_context_and_no_answer(tmp_path: Path) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    drawn = conversation(said("user", "draw"), said("assistant", picture), said("user", "q"), said("assistant", "a"))
    alone = conversation(said("user", "draw"), said("assistant", picture))
    named = conversation(said("user", "draw"), said("assistant", picture), said("assistant", "There."))
    rows = read_as("chatgpt-json", export(tmp_path / "c.json", drawn, alone, named))
    talks = [row for row in rows if isinstance(row, Dialogue)]
    assert [[turn.get("weight") for turn in talk.messages] for talk in talks] == [[None, 0, None, None], [None, None]]
    assert left_out(rows) == [(2, "no_answer")]


def test_conversations_without_an_answer_or_without_their_tree_are_left_out(tmp_path: Path) -> None:
    asked = conversation(said("user", "anyone?"))
    lost = conversation(said("user", "q"), said("assistant", "a"), current_node="nowhere")
    rows = read_as("chatgpt-json", export(tmp_path / "c.json", asked, lost, 7))
    assert left_out(rows) == [(1, "no_answer"), (2, "broken_row"), (3, "broken_row")]


def test_the_terms_that_bind_chatgpts_answers_are_told(tmp_path: Path) -> None:
    path = export(tmp_path / "c.json", conversation(said("user", "q"), said("assistant", "a")))
    report = summarise(convert(labelled([path]), Options()))
    assert "OpenAI's terms" in report["inputs"][0]["caution"]
    assert f"c.json: {report['inputs'][0]['caution']}" in tell(report)


def test_a_question_left_open_at_the_end_is_cut(tmp_path: Path) -> None:
    turns = shown(tmp_path, said("user", "q"), said("assistant", "a"), said("user", "more?"))
    assert turns == [("user", "q"), ("assistant", "a")]


def test_a_tree_that_bites_its_tail_ends(tmp_path: Path) -> None:
    one = conversation(said("user", "q"), said("assistant", "a"))
    one["mapping"]["n0"]["parent"] = "n2"
    assert turns_of(read_as("chatgpt-json", export(tmp_path / "c.json", one))) == [[("user", "q"), ("assistant", "a")]]


def test_the_zip_of_a_newer_export_is_read_part_by_part(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("000", "001"):
            talk = conversation(said("user", part), said("assistant", "a"))
            archive.writestr(f"export/conversations-{part}.json", json.dumps([talk]))
    assert recognised(path) == "chatgpt-json"
    rows = read_as("chatgpt-json", path)
    assert [turns[0][1] for turns in turns_of(rows)] == ["000", "001"]


def test_a_cut_file_is_refused_with_the_number_of_the_conversation(tmp_path: Path) -> None:
    path = export(tmp_path / "c.json", *[conversation(said("user", "q"), said("assistant", "a"))] * 2)
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    with pytest.raises(UnreadableSource, match="Conversation 2"):
        read_as("chatgpt-json", path)


@settings(max_examples=100, deadline=None)
@given(damaged(json.dumps([conversation(said("user", "q"), said("assistant", "a \\ud83d"))]).encode()))
def test_damage_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conversations.json"
        path.write_bytes(data)
        assert_reads_or_refuses("chatgpt-json", path)
