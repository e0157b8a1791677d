"""Of a long text the rules see the lines that may hold something, and find all that they find in a short one."""

from collections.abc import Iterator

import pytest

from dataprep import masking
from dataprep.masking import Masker, find

KEY = "-----BEGIN PRIVATE KEY-----\nMIIBVQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pieces of text that a rule was tried on."""
    pieces = list[str]()
    search = masking._search

    def counted(rule: masking._Rule, start: int, piece: str, found: list[masking.Found]) -> Iterator[tuple[int, str]]:
        pieces.append(piece)
        return search(rule, start, piece, found)

    monkeypatch.setattr(masking, "_search", counted)
    return pieces


@pytest.mark.parametrize("around", ["{}\n" * 5000, " " * 5000 + "\n"])
def test_what_holds_nothing_is_not_searched_by_each_rule(searched: list[str], around: str) -> None:
    text = around + "Call 13912345678" + around
    assert [text[one.start : one.end] for one in find(text)] == ["13912345678"]
    assert sum(len(piece) > 20 for piece in searched) == 1  # the rule for what goes over several lines


def test_what_goes_over_several_lines_and_what_stands_around_it_is_found() -> None:
    text = f"Mail a@example.com\n{KEY}\nor 13912345678\nNothing here\npassword: abc123def"
    assert Masker().mask(text) == "Mail [EMAIL_1]\n[KEY_1]\nor [PHONE_1]\nNothing here\npassword: [PASSWORD_1]"


@pytest.mark.parametrize(
    "text", ["密码是Harbor2026!", "13912345678", "a1@example.com", "https://mia:x{1},y@example.com/", KEY]
)
@pytest.mark.parametrize("around", ["{},", '{"a": ', "<x>|"])
def test_of_a_long_line_the_rules_see_the_parts_that_may_hold_something(
    searched: list[str], text: str, around: str
) -> None:
    [alone] = find(f"{around}{text}{around}")
    long = around * 3000
    searched.clear()
    [found] = find(f"{long}{text}{around}{long}")
    assert (found.kind, found.start, found.end) == (
        alone.kind,
        alone.start + len(long) - len(around),
        alone.end + len(long) - len(around),
    )
    assert sum(len(piece) > 4096 for piece in searched) == 1 or "://" in text
