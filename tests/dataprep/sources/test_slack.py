"""Slack exports as folder and ZIP: channels, threads, marks in texts, and what is damaged."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from dataprep.records import Kind, LeftOut
from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.opened import (
    assert_reads_or_refuses,
    count_rows,
    damaged,
    left_out,
    messages_of,
    read_as,
    recognised,
    write_json,
)

USERS = [
    {"id": "U1", "name": "ada", "profile": {"display_name": "Ada", "real_name": "Ada L"}},
    {"id": "U2", "name": "bo", "profile": {"display_name": "", "real_name": "Bo K"}},
]
DAY = [
    {"type": "message", "user": "U1", "text": "kettle?", "ts": "1790000000.000100", "thread_ts": "1790000000.000100"},
    {"type": "message", "user": "U1", "text": "other talk", "ts": "1790000001.000100"},
    {
        "type": "message",
        "user": "U2",
        "text": "left shelf",
        "ts": "1790000002.000100",
        "thread_ts": "1790000000.000100",
    },
    {"type": "message", "subtype": "channel_join", "user": "U2", "text": "<@U2> joined", "ts": "1790000003.0"},
]


def export(root: Path, day: object = DAY) -> Path:
    write_json(root / "users.json", USERS)
    write_json(root / "channels.json", [{"id": "C1", "name": "kitchen"}])
    write_json(root / "dms.json", [{"id": "D1", "members": ["U1", "U2"]}])
    write_json(root / "kitchen" / "2026-09-21.json", day)
    return root


def said(tmp_path: Path, **message: Any) -> tuple[Kind, str]:
    day = [{"type": "message", "user": "U1", "ts": "1.0", **message}]
    [row] = messages_of(read_as("slack", export(tmp_path, day)))
    return row.kind, row.text


def packed(root: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*.json")):
            archive.write(file, prefix + file.relative_to(root).as_posix())
    return path


def test_a_thread_is_a_chat_of_its_own_and_every_message_is_there(tmp_path: Path) -> None:
    path = export(tmp_path / "export")
    assert recognised(path) == "slack"
    rows = read_as("slack", path)
    assert count_rows(rows) == len(DAY)
    assert [row.place.row for row in rows] == [1, 2, 3, 4]
    messages = messages_of(rows)
    thread = "kitchen/1790000000.000100"
    assert [message.chat_id for message in messages] == [thread, "kitchen", thread, "kitchen"]
    assert [message.sender_name for message in messages] == ["Ada", "Ada", "Bo K", "Bo K"]
    assert [message.reply_to for message in messages] == ["", "", "1790000000.000100", ""]
    assert messages[0].timestamp == pytest.approx(1790000000.0001)
    assert {message.is_self for message in messages} == {None}
    assert messages[3].kind == Kind.SYSTEM
    assert messages[3].text == "@Bo K joined"


@pytest.mark.parametrize("prefix", ["", "My export/"])
def test_a_zip_reads_as_its_folder_does(tmp_path: Path, prefix: str) -> None:
    folder = export(tmp_path / "export")
    path = packed(folder, tmp_path / "export.zip", prefix)
    assert recognised(path) == "slack"
    assert [row.text for row in messages_of(read_as("slack", path))] == [
        row.text for row in messages_of(read_as("slack", folder))
    ]


def test_a_direct_message_is_no_group(tmp_path: Path) -> None:
    root = export(tmp_path)
    write_json(root / "D1" / "2026-09-22.json", DAY[1:2])
    groups = {message.chat_name: message.is_group for message in messages_of(read_as("slack", root))}
    assert groups == {"kitchen": True, "D1": False}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("&amp;lt; stays", "&lt; stays"),
        ("ask <@U2> or <@U9>", "ask @Bo K or @U9"),
        ("in <#C1|kitchen> and <#C1>", "in #kitchen and #kitchen"),
        ("<!here> <!subteam^S1|@cooks>", "@here @cooks"),
        ("see <https://e.example/x|the list>", "see the list (https://e.example/x)"),
        ("see <https://e.example|e.example>", "see e.example"),
        ("a < b", "a < b"),
    ],
)
def test_marks_become_what_people_saw(tmp_path: Path, written: str, shown: str) -> None:
    assert said(tmp_path, text=written) == (Kind.TEXT, shown)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"text": "", "files": [{"mimetype": "image/png", "name": "a.png"}]}, (Kind.IMAGE, "")),
        ({"text": "", "files": [{"mimetype": "application/pdf", "name": "a.pdf"}]}, (Kind.FILE, "a.pdf")),
        ({"text": "look", "files": [{"mimetype": "image/png"}]}, (Kind.IMAGE, "look")),
        (
            {"text": "sign this", "files": [{"mimetype": "text/plain", "name": "a.txt"}]},
            (Kind.FILE, "a.txt\nsign this"),
        ),
        ({"text": "built", "subtype": "bot_message", "bot_id": "B1"}, (Kind.SYSTEM, "built")),
        ({"text": "gone", "subtype": "tombstone"}, (Kind.RECALL, "gone")),
        ({"text": "me too", "subtype": "thread_broadcast"}, (Kind.TEXT, "me too")),
        ({"text": None}, (Kind.OTHER, "")),
    ],
)
def test_kinds_follow_subtype_and_files(tmp_path: Path, message: dict[str, Any], expected: tuple[Kind, str]) -> None:
    assert said(tmp_path, **message) == expected


def test_a_broken_day_costs_only_what_cannot_be_read(tmp_path: Path) -> None:
    root = export(tmp_path, [*DAY[:2], "not a message"])
    broken = json.dumps(DAY[:2])[:-30]
    (root / "kitchen" / "2026-09-22.json").write_text(broken, encoding="utf-8")
    rows = read_as("slack", root)
    assert len(messages_of(rows)) == 3
    assert left_out(rows) == [(3, "broken_row"), (2, "broken_row")]
    assert isinstance(rows[-1], LeftOut)
    assert rows[-1].place.file.endswith("kitchen/2026-09-22.json")


def test_a_zip_that_would_burst_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = packed(export(tmp_path / "export"), tmp_path / "export.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kitchen/2026-09-23.json", b" " * 40 * 1024**2)
    with pytest.raises(UnreadableSource, match="bomb"):
        read_as("slack", path)


def test_a_zip_locked_by_a_password_or_cut_off_is_refused_in_words(tmp_path: Path) -> None:
    sound = packed(export(tmp_path / "export"), tmp_path / "export.zip").read_bytes()
    locked = tmp_path / "locked.zip"
    # The flag of encryption in the directory entries.
    locked.write_bytes(b"".join(_with_flag(part) for part in _split_directory(sound)))
    with pytest.raises(UnreadableSource, match="password"):
        read_as("slack", locked)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(sound[:-40])
    with pytest.raises(UnreadableSource, match="sound ZIP"):
        read_as("slack", cut)


def _split_directory(data: bytes) -> list[bytes]:
    first, *others = data.split(b"PK\1\2")
    return [first, *(b"PK\1\2" + other for other in others)]


def _with_flag(part: bytes) -> bytes:
    return part[:8] + bytes([part[8] | 1]) + part[9:] if part.startswith(b"PK\1\2") else part


def test_a_folder_without_lists_is_not_slacks(tmp_path: Path) -> None:
    write_json(tmp_path / "kitchen" / "2026-09-21.json", DAY)
    assert recognised(tmp_path) is None
    with pytest.raises(UnreadableSource, match=r"users\.json"):
        read_as("slack", tmp_path)


def test_a_folder_of_exports_is_none_itself(tmp_path: Path) -> None:
    exports = [export(tmp_path / name) for name in ("old", "new")]
    assert recognised(tmp_path) is None
    assert [recognised(one) for one in exports] == ["slack", "slack"]


@settings(max_examples=60, deadline=None)
@given(damaged(json.dumps(DAY).encode()), damaged(json.dumps(USERS).encode()))
def test_damage_never_raises(day: bytes, users: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = export(Path(folder))
        (root / "kitchen" / "2026-09-21.json").write_bytes(day)
        assert_reads_or_refuses("slack", root)
        (root / "users.json").write_bytes(users)
        assert_reads_or_refuses("slack", root)


def sound_zip() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return packed(export(Path(folder) / "export"), Path(folder) / "export.zip").read_bytes()


@settings(max_examples=60, deadline=None)
@given(damaged(sound_zip()))
def test_a_damaged_zip_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.zip"
        path.write_bytes(data)
        assert_reads_or_refuses("slack", path)
