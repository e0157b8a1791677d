"""A sheet of a few rows again and again comes as a few rows, with each of the many accounted for."""

from pathlib import Path

import pytest

from dataprep.conversion.convert import convert
from dataprep.conversion.options import Options
from dataprep.records import Dialogue, LeftOut
from dataprep.sources.registry import BY_NAME, look_at


def _sheet(folder: Path, *rows: str) -> Path:
    path = folder / "faq.csv"
    path.write_text("question,answer\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["Lamp?"] * 1000, "no_answer"),
        (["Lamp?", "Wick?"] * 500, "no_answer"),
        ([",On the shelf", ",In the drawer"] * 500, "no_question"),
        ([",", ""] * 500, "blank"),
    ],
)
def test_neighbours_left_out_for_one_reason_come_as_one(tmp_path: Path, rows: list[str], reason: str) -> None:
    path = _sheet(tmp_path, "Lamp?,On the shelf", *rows, "Wick?,In the drawer")
    first, left, last = BY_NAME["qa-csv"].read(look_at(path))
    assert isinstance(first, Dialogue)
    assert isinstance(left, LeftOut)
    assert (left.reason, left.place.row, left.rows) == (reason, 3, 1000)
    assert last.place.row == 1003


def test_an_equal_row_is_a_duplicate_of_the_one_above(tmp_path: Path) -> None:
    path = _sheet(tmp_path, *["Lamp?,On the shelf"] * 1000, *["Wick?,In the drawer"] * 2)
    lamp, again, wick, once = BY_NAME["qa-csv"].read(look_at(path))
    assert isinstance(lamp, Dialogue)
    assert isinstance(wick, Dialogue)
    assert isinstance(again, LeftOut)
    assert isinstance(once, LeftOut)
    assert (again.reason, again.place.row, again.rows) == ("duplicate", 3, 999)
    assert (once.reason, once.place.row, once.rows) == ("duplicate", 1003, 1)
    account = convert([(path, path.name)], Options()).ledger.total()
    assert (account.rows, account.used, dict(account.left)) == (1002, 2, {"duplicate": 1000})
