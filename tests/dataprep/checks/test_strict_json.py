"""What a line of no JSON is told to be, each with the way out."""

import pytest

from tests.dataprep.lines import check_text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"messages": [{"role": "user", "content": hello}]}', "Put text into double quotation marks."),
        ('{"messages": [{"role": "user" "content": "x"}]}', "A comma is missing"),
        ('{"messages" []}', "stand apart by a colon"),
        ("{messages: []}", "Keys stand in double quotation marks."),
        ("{“messages”: []}", "no quotation mark of JSON's"),
        ('{"a": 1e999}', "Write a smaller one, or a string."),
        ('{"a": ' + "9" * 5000 + "}", "Write it as a string."),
    ],
)
def test_what_is_no_json_is_told_with_the_way_out(line: str, words: str) -> None:
    [finding] = check_text(line).findings
    assert words in finding.message
