"""The strict reader of JSON bodies."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire import body
from wire.body import MAX_DEPTH, parse_object
from wire.errors import ApiError, BadRequest, UnsupportedMediaType

JSON = "application/json"


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "application/json; charset=utf-8",
        "Application/JSON",
        'application/json;charset="UTF-8"',
        "application/json; v=1; charset=us-ascii",
    ],
)
def test_an_object_is_returned(content_type: str) -> None:
    assert parse_object('{"文": [1, 2.5, null]}'.encode(), content_type) == {"文": [1, 2.5, None]}


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/jsonp", "multipart/form-data"])
def test_another_content_type_is_415(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType, match="application/json") as refused:
        parse_object(b"{}", content_type)
    assert refused.value.status == 415


@pytest.mark.parametrize("charset", ["utf-16", '"UTF-16"', "gb18030", "iso-8859-1; v=1"])
def test_another_charset_is_415(charset: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=r"charset is said to be .*; send JSON in UTF-8"):
        parse_object(b"{}", f"application/json; charset={charset}")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"{'a': 1}", "invalid_json"),
        (b'{"a": 1,}', "invalid_json"),
        (b"{} {}", "invalid_json"),
        (b'{"a": "\n"}', "invalid_json"),
        (b"null", "body_must_be_object"),
        (b"[]", "body_must_be_object"),
        (b"true", "body_must_be_object"),
        (b"7", "body_must_be_object"),
        (b'"x"', "body_must_be_object"),
        (b'{"a": NaN}', "invalid_number"),
        (b'{"a": -Infinity}', "invalid_number"),
        (b'{"a": 1e400}', "invalid_number"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        (b'{"a": "\\udfff"}', "invalid_unicode"),
        (b'{"\\ud800": 1}', "invalid_unicode"),
        (b'{"a": {"\\ud800": 1, "\\ud800": 2}}', "invalid_unicode"),
        (b'{"a": "\xff"}', "invalid_encoding"),
        ("{}".encode("utf-16"), "invalid_encoding"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b'{"a": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "json_too_deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "json_too_deep"),
    ],
)
def test_anything_else_is_400_with_its_code(raw: bytes, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_object(raw, JSON)
    assert refused.value.code == code
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "The body is empty; send a JSON object."),
        (b" \r\n", "The body is empty; send a JSON object."),
        (b"\xef\xbb\xbf{}", "The body begins with a byte order mark; send UTF-8 without one."),
        (b"'{text:", 'Expecting value at line 1 column 1, found "\'{text:".'),
        ("{\n'文': 1}".encode(), "in double quotes at line 2 column 1, found \"'文': 1}\"."),
        (b'{"text": "hi"', "Expecting ',' delimiter at line 1 column 14, where it ends."),
        (b"{} " + b"x" * 100, "Extra data at line 1 column 4, found 'xxxxxxxxxxxxxxxxxxxx'."),
    ],
)
def test_what_is_no_json_is_shown_where_it_breaks(raw: bytes, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_object(raw, JSON)
    assert str(refused.value).endswith(words)


def test_a_number_with_very_many_digits_is_refused_not_computed() -> None:
    with pytest.raises(ApiError):
        parse_object(b'{"a": ' + b"9" * 100_000 + b"}", JSON)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_object(b'{"a": "\\ud83d\\ude13"}', JSON) == {"a": "😓"}


def test_the_deepest_that_is_taken() -> None:
    depth = MAX_DEPTH - 2
    body: Any = parse_object(b'{"a": ' + b"[" * depth + b"]" * depth + b"}", JSON)
    for _ in range(depth - 1):
        body = (body["a"] if isinstance(body, dict) else body)[0]
    assert body == []


def test_a_schema_as_deep_as_openai_takes_it_is_taken() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(10):
        schema = {"type": "object", "properties": {"parts": {"type": "array", "items": schema}}, "required": ["parts"]}
    form = {"type": "json_schema", "json_schema": {"name": "tree", "schema": schema}}
    raw = json.dumps({"response_format": form}).encode()
    assert parse_object(raw, JSON)["response_format"] == form


def test_the_documentation_names_the_deepest_that_is_taken() -> None:
    wire = Path(__file__).parents[2] / "docs" / "wire.md"
    assert f"nested deeper than {MAX_DEPTH} levels" in wire.read_text()


def test_half_a_surrogate_pair_is_found_wherever_it_stands() -> None:
    with pytest.raises(BadRequest, match="surrogate pair"):
        parse_object(b'{"a": [{"\\ud83d\\ude13": ["\\ud83d\\ude13"]}, {"b": ["\\uDFff"]}]}', JSON)
    assert parse_object(b'{"a": "\\\\ud800"}', JSON) == {"a": "\\ud800"}


def test_a_key_that_appears_twice_is_named_at_once_among_very_many() -> None:
    pairs = ",".join(f'"{number}": 0' for number in [*range(200_000), 199_999])
    with pytest.raises(BadRequest, match="The key '199999' appears twice"):
        parse_object(f"{{{pairs}}}".encode(), JSON)


ATOMS = (
    '"a"', r'"a\"b"', r'"\\"', r'"\ud83d\ude00"', r'"\ud800"', '"\x01"', '"é"', r'"\x"', '""', "0", "-0", "01", "1.5",
    "5.", "1E5", "1e400", "1e22", "9007199254740993", "18446744073709551616", "-9223372036854775809", "NaN", "null",
    "true", "tru",
)  # fmt: skip
KEYS = ('"a"', '"b"', r'"\u0061"', r'"c\""', "1")
TEXTS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{key} :{value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_what_is_read_quickly_is_what_is_read_with_care(text: str) -> None:
    quick = body._read_quickly(text.encode())
    if quick is not body._DOUBTFUL:
        assert repr(quick) == repr(body._read_carefully(text.encode()))


def test_an_ordinary_chat_is_read_quickly() -> None:
    chat = {"model": "m", "temperature": 0.7, "messages": [{"role": "user", "content": 'Say "é",\n\\ then.'}]}
    for text in (json.dumps(chat), json.dumps(chat, ensure_ascii=False, indent=1)):
        assert body._read_quickly(text.encode()) == chat
