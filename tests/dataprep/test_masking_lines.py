"""Of a long text the rules see the lines that may hold something, and find all that they find in a short one."""

import pytest

from dataprep import masking
from dataprep.masking import Masker, find

KEY = "-----BEGIN PRIVATE KEY-----\nMIIBVQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"


def test_lines_that_hold_nothing_are_not_searched_by_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = list[str]()
    search = masking._search

    def counted(rule: object, start: int, piece: str, found: list[masking.Found]) -> object:
        searched.append(piece)
        return search(rule, start, piece, found)  # type: ignore[arg-type]

    monkeypatch.setattr(masking, "_search", counted)
    text = "{}\n" * 5000 + "Call 13912345678\n" + "{}\n" * 5000
    assert [text[one.start : one.end] for one in find(text)] == ["13912345678"]
    assert sum(len(piece) > 20 for piece in searched) == 1


def test_what_goes_over_several_lines_and_what_stands_around_it_is_found() -> None:
    text = f"Mail a@example.com\n{KEY}\nor 13912345678\nNothing here\npassword: abc123def"
    assert Masker().mask(text) == "Mail [EMAIL_1]\n[KEY_1]\nor [PHONE_1]\nNothing here\npassword: [PASSWORD_1]"
