"""CLONE_DK's text: a message a line, whose further lines are not lost."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind
from dataprep.sources.clone_dk import SOURCES
from dataprep.sources.registry import look_at
from tests.dataprep.sources.exports import messages, numbers, read, reasons, spoiled, try_to_read, write

TEXT = """Nora (2023-03-20 12:00:05):周末爬山吗
Ole (2023-03-20 12:01:00):去\u2028早点走
带水
1 (一定)

Nora (2023-03-20 12:01:30):[表情]
Nora (2023-03-20 12:01:40):[语音] 七点楼下见
Ole (2023-03-20 12:02:00):你撤回了一条消息
Nora (2023-02-31 12:02:00):日子不对
"""


def test_further_lines_belong_to_their_message(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "Nora.txt", TEXT), "clone-dk-txt")
    assert [(one.sender_id, one.kind, one.text) for one in messages(rows)] == [
        ("Nora", Kind.TEXT, "周末爬山吗"),
        ("Ole", Kind.TEXT, "去\u2028早点走\n带水\n1 (一定)"),
        ("Nora", Kind.STICKER, ""),
        ("Nora", Kind.VOICE, "七点楼下见"),
        ("Ole", Kind.RECALL, "你撤回了一条消息"),
        ("Nora", Kind.TEXT, "日子不对"),
    ]
    assert numbers(rows) == [1, 2, 6, 7, 8, 9]


def test_times_are_read_and_impossible_ones_are_none(tmp_path: Path) -> None:
    read_messages = messages(read(write(tmp_path, "Nora.txt", TEXT), "clone-dk-txt"))
    assert (read_messages[0].timestamp, read_messages[-1].timestamp) == (1679313605, None)
    assert (read_messages[0].chat_name, read_messages[0].is_self) == ("Nora", None)


def test_text_before_the_first_message_is_accounted_for(tmp_path: Path) -> None:
    head = look_at(write(tmp_path, "Nora.txt", "喂\n" + TEXT))
    assert reasons(list(SOURCES[0].read(head))) == ["stray_line"]


@pytest.mark.parametrize("text", ["", "Ein Satz (mit 10:30 Uhr): so\n\nund noch\neiner\nmehr\n", "a,b\n1,2\n"])
def test_other_texts_are_not_taken_for_it(tmp_path: Path, text: str) -> None:
    assert SOURCES[0].recognise(look_at(write(tmp_path, "a.txt", text))) is None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiled(TEXT.encode()))
def test_no_spoiled_text_raises(tmp_path: Path, content: bytes) -> None:
    rows = try_to_read(SOURCES[0], write(tmp_path, "a.txt", content))
    assert numbers(rows) == sorted(set(numbers(rows)))
