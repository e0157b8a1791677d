"""Masks that are asked for reach the lines that a fix cannot mend."""

from pathlib import Path

import pytest

from dataprep.fixing.fix import FixReport, fix
from tests.dataprep.lines import assistant, chat, check_text, user

GOOD = chat(user("ok"), assistant("fine"))
PHONE = "13812345678"
KEY = "sk-" + "aB3" * 12


def masked(tmp_path: Path, line: str, encoding: str | None = None) -> tuple[FixReport, list[str]]:
    """Fix this line between two good ones, with masks; returns the report and the lines written."""
    source, target = tmp_path / "source.jsonl", tmp_path / "target.jsonl"
    source.write_text(f"{GOOD}\n{line}\n{chat(user('a'), assistant('b'))}\n", encoding="utf-8")
    report = fix(source, target, mask=True, encoding=encoding)
    assert report.adds_up
    return report, target.read_text(encoding="utf-8").split("\n")[1:-2]


BROKEN = {
    "half a character": ('{"text": "@ \\ud83d"}'.replace("@", PHONE), "lone_surrogate"),
    "no number": ('{"text": "@", "weight": NaN}'.replace("@", PHONE), "invalid_number"),
    "a key twice": ('{"text": "@", "text": "z"}'.replace("@", PHONE), "duplicate_key"),
    "a number": ('{"phone": @, "weight": NaN}'.replace("@", PHONE), "invalid_number"),
    "a key of an object": ('{"@": NaN}'.replace("@", PHONE), "invalid_number"),
    "cut off": ('{"text": "call @ and'.replace("@", PHONE), "invalid_json"),
    "other quotes": ("{'text': '@'}".replace("@", PHONE), "invalid_json"),
    "digits as escapes": ('{"text": "\\u0031@", "n": NaN}'.replace("@", PHONE[1:]), "invalid_number"),
    "no JSON": (f"call {PHONE}", "invalid_json"),
    "a list": (f'["{PHONE}"]', "not_an_object"),
    "a string": (f'"{PHONE}"', "not_an_object"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_line_that_stays_broken_is_masked_and_counted(name: str, tmp_path: Path) -> None:
    line, code = BROKEN[name]
    report, written = masked(tmp_path, line)
    assert PHONE[1:] not in written[0]
    assert "[PHONE_1]" in written[0]
    assert report.masked == {"PHONE": 1}
    assert [(change.line, change.code) for change in report.changes] == [(2, "mask")]
    assert [one.code for one in report.left.findings if one.severity == "error"] == [code]


def test_a_key_behind_an_escape_is_masked_in_a_broken_line(tmp_path: Path) -> None:
    _, written = masked(tmp_path, '{"text": "it is\\n@", "weight": NaN}'.replace("@", KEY))
    assert written == ['{"text": "it is\\n[KEY_1]", "weight": NaN}']


def test_what_no_mask_can_cover_is_left_out_with_the_reason(tmp_path: Path) -> None:
    report, written = masked(tmp_path, '{"text": "it is\\n@'.replace("@", KEY))
    assert written == []
    assert report.dropped == {"drop_unmasked": 1}
    assert [(one.line, one.code) for one in report.changes] == [(2, "drop_unmasked")]
    assert "left out" in report.changes[0].what
    assert report.written == 2


def test_a_broken_line_without_personal_data_stays_as_it_is(tmp_path: Path) -> None:
    line = '{"text": "\\ud83d \\u4f60", "n": [1, 2.5]} trailing'
    report, written = masked(tmp_path, line)
    assert written == [line]
    assert report.counts == {}


@pytest.mark.parametrize("rest", ['\\ud83d"}', '", "n": NaN}', '", "text": 1}', ""])
def test_a_check_finds_secret_keys_in_lines_that_are_broken(rest: str) -> None:
    report = check_text(f'{GOOD}\n{{"text": "{KEY} {rest}\n')
    found = [(one.line, one.code) for one in report.findings if one.severity == "error"]
    assert len(found) == 2
    assert (2, "secret") in found
    assert KEY not in "".join(one.message for one in report.findings if one.code == "secret")
