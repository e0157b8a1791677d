"""The accounts of many rows take work once a row, however many files and reasons there are."""

import pytest

from dataprep.conversion import ledger as book
from dataprep.conversion.ledger import Account, Ledger
from dataprep.records import Place


def test_an_account_is_opened_for_a_file_not_for_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[Account]()

    class Counted(Account):
        def __init__(self) -> None:
            super().__init__()
            opened.append(self)

    monkeypatch.setattr(book, "Account", Counted)
    ledger = Ledger()
    for row in range(1, 1001):
        for file in ("a", "b"):
            ledger.enter(Place(file, row))
            ledger.leave([Place(file, row)], "blank" if row % 2 else "no_answer")
    ledger.use([Place("a", 1000)])
    accounts = ledger.accounts()
    assert len(opened) == 2
    assert [(one.rows, one.used, dict(one.left)) for one in accounts.values()] == [
        (1000, 1, {"blank": 500, "no_answer": 499}),
        (1000, 0, {"blank": 500, "no_answer": 500}),
    ]
