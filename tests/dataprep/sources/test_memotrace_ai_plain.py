"""A turn in which nothing is known by its form is one message, and its lines are not looked at one by one."""

from pathlib import Path

import pytest

from dataprep.records import Message
from dataprep.sources import memotrace_text, memotrace_words
from dataprep.sources.registry import BY_NAME, look_at

STARS = "*" * 20


def test_the_lines_of_a_plain_turn_are_not_looked_at_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = list[str]()
    known = memotrace_words.opening_kind

    def counted(text: str) -> object:
        looked_at.append(text)
        return known(text)

    monkeypatch.setattr(memotrace_text, "opening_kind", counted)
    path = tmp_path / "阿哲_chat.txt"
    path.write_text(f"{STARS}2026-11-23{STARS}\n\n阿哲:" + "灯塔\n:\n[\n" * 1000, encoding="utf-8")
    (row,) = BY_NAME["memotrace-ai-txt"].read(look_at(path))
    assert isinstance(row, Message)
    assert row.text == ("灯塔\n:\n[\n" * 1000).strip()
    assert looked_at == []
