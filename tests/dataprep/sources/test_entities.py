"""Entities become characters, and none of them stops a conversion."""

import pytest

from dataprep.sources.entities import unescape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &lt;b&gt; &amp; &#28783;&#x706f;", "a <b> & 灯灯"),
        (f"x &#{'9' * 5000}; &lt;", f"x &#{'9' * 5000}; <"),
        (f"&#x{'f' * 5000};", f"&#x{'f' * 5000};"),
        ("&amp;#60;", "&#60;"),
    ],
)
def test_entities_are_replaced_but_for_endless_numbers(text: str, expected: str) -> None:
    assert unescape(text) == expected
