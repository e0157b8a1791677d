"""Labels of files: a caller's name is shown, never used as a path."""

import pytest

from services.files import clean_label, upstream_name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("test.jsonl", "test.jsonl"),
        ("C:\\data\\x.jsonl", "x.jsonl"),
        ("..\\..\\x", "x"),
        ("/abs/x/", "x"),
        ("a\x00b\r\n", "ab"),
        ("", "upload"),
        (".", "upload"),
        ("聊天记录.txt", "聊天记录.txt"),
    ],
)
def test_a_label_has_no_folders_and_nothing_unprintable(name: str, label: str) -> None:
    assert clean_label(name) == label


def test_a_long_name_keeps_its_end() -> None:
    assert clean_label("x" * 5000 + ".jsonl").endswith("x.jsonl")
    assert len(clean_label("x" * 5000)) == 255


def test_only_jsonl_goes_upstream() -> None:
    assert [upstream_name(name) for name in ("a.jsonl", "a.txt", "a")] == ["a.jsonl", "a.txt.jsonl", "a.jsonl"]
