"""A turn in which nothing is known by its form is one message, and its lines are not looked at one by one."""

from pathlib import Path

import pytest

from dataprep.records import Message
from dataprep.sources import memotrace_text, memotrace_words
from dataprep.sources.registry import BY_NAME, look_at

STARS = "*" * 20


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that were looked at for the form of a message."""
    texts = list[str]()
    known = memotrace_words.opening_kind

    def counted(text: str) -> object:
        texts.append(text)
        return known(text)

    monkeypatch.setattr(memotrace_text, "opening_kind", counted)
    return texts


def test_the_lines_of_a_plain_turn_are_not_looked_at_one_by_one(tmp_path: Path, looked_at: list[str]) -> None:
    path = tmp_path / "阿哲_chat.txt"
    path.write_text(f"{STARS}2026-11-23{STARS}\n\n阿哲:" + "灯塔\n:\n[\n" * 1000, encoding="utf-8")
    (row,) = BY_NAME["memotrace-ai-txt"].read(look_at(path))
    assert isinstance(row, Message)
    assert row.text == ("灯塔\n:\n[\n" * 1000).strip()
    assert looked_at == []


def test_a_line_without_a_colon_is_no_candidate_for_a_speaker(tmp_path: Path, looked_at: list[str]) -> None:
    path = tmp_path / "阿哲_chat.txt"
    path.write_text(f"{STARS}2026-11-23{STARS}\n阿哲:" + "灯塔 \n" * 1000 + "小满:亮了 ", encoding="utf-8")
    rows = list(BY_NAME["memotrace-ai-txt"].read(look_at(path)))
    assert [row.sender_name for row in rows if isinstance(row, Message)] == ["阿哲", "小满"]
    assert set(looked_at) == {"灯塔 "}
    assert len(looked_at) == 2  # once a reading, for the line before the second speaker


def test_a_speaker_may_follow_a_day_without_a_blank_line(tmp_path: Path) -> None:
    path = tmp_path / "阿哲_chat.txt"
    path.write_text(f"{STARS}2026-11-22{STARS}\n阿哲:灯塔\n{STARS}2026-11-23{STARS}\n小满:亮了", encoding="utf-8")
    rows = list(BY_NAME["memotrace-ai-txt"].read(look_at(path)))
    assert [(row.sender_name, row.text) for row in rows if isinstance(row, Message)] == [
        ("阿哲", "灯塔"),
        ("小满", "亮了"),
    ]
