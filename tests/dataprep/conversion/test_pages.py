"""Exports that come in pages: the report says where they were joined, and what is missing between them."""

from pathlib import Path
from typing import Any

from dataprep.conversion.convert import convert
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.options import Options

HEADER = "id,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime"


def report(folder: Path, *pages: tuple[int, int]) -> dict[str, Any]:
    """The report on a chat of one exchange a minute, of which these pages (first row, one after the last) exist."""
    for first, after in pages:
        rows = (
            f"{row},70{row},文本,{row % 2},w,w,words {row},,2026-11-18 09:{row:02}:00" for row in range(first, after)
        )
        (folder / f"w_{first}_{after}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return summarise(convert([(folder, "chat")], Options()))


def test_the_border_of_two_pages_is_told_and_parts_no_exchange(tmp_path: Path) -> None:
    joined = report(tmp_path, (0, 3), (3, 6))
    assert joined["pages"] == [{"chat": "chat/w", "pages": 2, "borders": [3], "missing": [], "twice": []}]
    assert "w: 2 pages read as one talk, joined after row 3.\n" in tell(joined)
    assert joined["rows"]["used"] == 6


def test_a_missing_page_is_told(tmp_path: Path) -> None:
    broken = report(tmp_path, (4, 8), (12, 16))
    assert broken["pages"][0]["missing"] == [[0, 4], [8, 12]]
    assert "w: rows 9 to 12 are on none of its pages; give the page that has them, too.\n" in tell(broken)


def test_pages_that_overlap_are_told_and_taken_once(tmp_path: Path) -> None:
    overlapping = report(tmp_path, (0, 6), (4, 8))
    assert overlapping["pages"][0]["twice"] == [[4, 6]]
    assert "w: rows 5 to 6 are on two of its pages; each message was taken once.\n" in tell(overlapping)
    assert overlapping["rows"]["left"] == {"duplicate_message": 2}


def test_one_whole_page_is_nothing_to_tell(tmp_path: Path) -> None:
    assert "page" not in tell(report(tmp_path, (0, 8)))
