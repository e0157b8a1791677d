"""A QQ message of many lines is gathered without a second look at each of them."""

from pathlib import Path

import pytest

from dataprep.records import Message
from dataprep.sources import qq
from dataprep.sources.registry import BY_NAME, look_at

RULE = "=" * 64


def test_lines_that_can_end_no_message_are_no_candidates_for_a_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = list[str]()
    read_header = qq._read_header

    def counted(number: int, line: str) -> object:
        candidates.append(line)
        return read_header(number, line)

    monkeypatch.setattr(qq, "_read_header", counted)
    first, second = "2026-11-23 10:00:00 阿哲(10086)", "2026-11-23 10:01:00 小满(12306)"
    words = "灯塔\n\n2026 年\n== 记录 ==\n" * 1000
    path = tmp_path / "qq.txt"
    path.write_text(f"消息对象:阿哲\n{RULE}\n{first}\n{words}{second}\n亮了\n", encoding="utf-8")
    rows = list(BY_NAME["qq-txt"].read(look_at(path)))
    assert [row.text for row in rows if isinstance(row, Message)] == [words.strip(), "亮了"]
    assert candidates == ["消息对象:阿哲", RULE, first, second]
