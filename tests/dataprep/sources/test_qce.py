"""QQ Chat Exporter V5: one object, or a manifest with chunks, read alike."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, Message
from dataprep.sources.qce import SOURCES
from dataprep.sources.registry import look_at
from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.exports import messages, numbers, read, reasons, retyped, spoiled, try_to_read, write

INFO = {"name": "骑行队", "type": "group", "selfUid": "u_me", "selfUin": "31002", "selfName": "小周", "peerUid": "88"}
METADATA = {"name": "QQChatExporter", "version": "5.0.0"}


def element(kind: str, **data: object) -> dict[str, Any]:
    """One element of a message."""
    return {"type": kind, "data": data}


def said(number: int, uid: str, *elements: dict[str, Any], text: str = "", **more: object) -> dict[str, Any]:
    """One message of the file."""
    return {
        "id": f"m{number}",
        "timestamp": 1740899100000 + 1000 * number,
        "sender": {"uid": uid, "uin": "31001", "name": uid.title(), "groupCard": "大熊" if uid == "u_bear" else ""},
        "type": "type_1",
        "content": {"text": text, "elements": list(elements), "resources": [], "mentions": []},
        "recalled": False,
        "system": False,
        **more,
    }


MESSAGES = [
    said(1, "u_bear", element("text", text="八点集合"), element("face", id="14", name="/微笑")),
    said(2, "u_me", element("reply", referencedMessageId="m1", content="八点…"), element("text", text="收到")),
    said(3, "u_bear", element("at", name="@小周"), element("text", text=" 带备胎")),
    said(4, "u_bear", element("image", filename="a.jpg"), text="[图片: a.jpg]"),
    said(5, "u_bear", element("image", filename="a.jpg"), element("text", text="看路线"), text="[图片: a.jpg]看路线"),
    said(6, "u_me", element("text", text="说错了"), recalled=True),
    said(7, "u_x", text="大熊加入了群聊", system=True),
    said(8, "u_bear", element("file", filename="路书.gpx")),
    said(9, "u_bear", element("json", title="山路直播", url="https://example.org")),
    said(10, "u_bear", element("reply", messageId="q", content="没导出的话"), element("text", text="同意")),
    said(11, "u_bear", element("face", name="赞")),
    said(12, "u_bear", text="没有元素"),
]
WHOLE = {"metadata": METADATA, "chatInfo": INFO, "statistics": {}, "messages": MESSAGES}


def write_folder(tmp_path: Path, names: tuple[str, str] = ("c000001.jsonl", "c000002.jsonl")) -> Path:
    """The same messages in two chunks, the manifest naming them in this order."""
    folder = tmp_path / "group"
    (folder / "chunks").mkdir(parents=True)
    chunks = [{"fileName": name, "relativePath": f"chunks/{name}"} for name in names]
    manifest = {"metadata": METADATA, "chatInfo": INFO, "chunked": {"format": "jsonl", "chunks": chunks}}
    write(folder, "manifest.json", manifest)
    lines = [json.dumps(message, ensure_ascii=False) for message in MESSAGES]
    write(folder / "chunks", names[0], "\n".join(lines[:8]) + "\n")
    write(folder / "chunks", names[1], "\n".join(["", *lines[8:], "{"]))
    return folder


def shown(rows: list[Message]) -> list[tuple[Kind, str, str]]:
    """Kind, words and quoted words."""
    return [(one.kind, one.text, one.quoted_text) for one in rows]


def test_elements_make_kinds_and_words(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "group.json", WHOLE), "qce-json")
    assert numbers(rows) == list(range(1, 13))
    assert shown(messages(rows)) == [
        (Kind.TEXT, "八点集合[微笑]", ""),
        (Kind.REPLY, "收到", "八点集合[微笑]"),
        (Kind.TEXT, "@小周 带备胎", ""),
        (Kind.IMAGE, "", ""),
        (Kind.TEXT, "看路线", ""),
        (Kind.RECALL, "", ""),
        (Kind.SYSTEM, "大熊加入了群聊", ""),
        (Kind.FILE, "路书.gpx", ""),
        (Kind.LINK, "山路直播", ""),
        (Kind.REPLY, "同意", "没导出的话"),
        (Kind.STICKER, "", ""),
        (Kind.TEXT, "没有元素", ""),
    ]


def test_the_file_says_who_is_self(tmp_path: Path) -> None:
    first, second = messages(read(write(tmp_path, "group.json", WHOLE), "qce-json"))[:2]
    assert (first.sender_name, first.is_self, first.is_group, first.timestamp) == ("大熊", False, True, 1740899101)
    assert (second.sender_id, second.is_self, second.chat_id) == ("u_me", True, "88")


def test_chunks_are_read_in_the_manifests_order(tmp_path: Path) -> None:
    rows = read(write_folder(tmp_path, ("b.jsonl", "a.jsonl")), "qce-folder")
    whole = messages(read(write(tmp_path, "group.json", WHOLE), "qce-json"))
    assert shown(messages(rows)) == shown(whole)
    assert [(row.place.file, row.place.row) for row in rows][7:10] == [
        ("group/chunks/b.jsonl", 8),
        ("group/chunks/a.jsonl", 1),
        ("group/chunks/a.jsonl", 2),
    ]
    assert reasons(rows) == ["blank", "broken_row"]


def test_a_folder_without_its_chunks_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    for chunk in (folder / "chunks").iterdir():
        chunk.unlink()
    with pytest.raises(UnreadableSource, match="Copy the whole export"):
        read(folder, "qce-folder")


def test_a_file_without_messages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="messages"):
        read(write(tmp_path, "group.json", {**WHOLE, "messages": None}), "qce-json")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiled(json.dumps(WHOLE, ensure_ascii=False).encode()) | retyped({**WHOLE, "messages": MESSAGES[1:3]}))
def test_no_spoiled_file_raises(tmp_path: Path, content: object) -> None:
    rows = try_to_read(SOURCES[0], write(tmp_path, "group.json", content))
    assert numbers(rows) == list(range(1, len(rows) + 1))


@pytest.mark.parametrize("manifest", ["", "[]", '{"chunked": {"chunks": [3, {"fileName": "../../secret.jsonl"}]}}'])
def test_a_spoiled_manifest_never_leads_out_of_the_folder(tmp_path: Path, manifest: str) -> None:
    folder = write_folder(tmp_path)
    write(tmp_path, "secret.jsonl", json.dumps(said(99, "u_me", text="secret")))
    write(folder, "manifest.json", manifest)
    rows = try_to_read(SOURCES[1], folder)
    assert "secret" not in {one.text for one in messages(rows)}
    assert look_at(folder).raw == b""
