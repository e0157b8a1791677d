"""A schema that would hold everybody up while a grammar is made of it is refused; what people write is not."""

from typing import Any

import pytest

from engine.serving.schemas import MOST_LETTERS, MOST_OPTIONAL, require_followed, require_small
from wire.errors import BadRequest

TEXT = {"type": "string"}


def an_object(number: int, *, required: bool) -> dict[str, Any]:
    names = [f"field{one}" for one in range(number)]
    return {"type": "object", "properties": dict.fromkeys(names, TEXT), "required": names if required else []}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        an_object(MOST_OPTIONAL, required=False),
        an_object(400, required=True),
        {"enum": [f"value {number}" for number in range(1000)]},
        {"const": "x" * MOST_LETTERS},
        {"properties": 7, "required": {}, "enum": "x", "description": "a long story " * 10_000},
    ],
    ids=lambda schema: f"{schema}"[:40],
)
def test_a_schema_of_a_size_that_people_write_passes(schema: Any) -> None:
    require_small(schema, "response_format")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (an_object(MOST_OPTIONAL + 1, required=False), "201 properties that are not required"),
        (an_object(2_000, required=True), "values"),
        ({"anyOf": [TEXT] * 2_000}, "values"),
        ({"enum": list(range(2_000))}, "values"),
        ({"const": "x" * (MOST_LETTERS + 1)}, "30001 letters"),
        ({"pattern": "^" + "(a|b)" * 10_000}, "letters"),
        ([{"function": {"parameters": {"enum": ["x" * MOST_LETTERS, "y"]}}}], "30001 letters"),
    ],
    ids=lambda schema: f"{schema}"[:40],
)
def test_a_larger_one_is_refused_with_its_size(schema: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as refused:
        require_small(schema, "tools")
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", "tools")


@pytest.mark.parametrize(
    "pattern",
    [
        *("^(?:ab)+$", r"^\.{3}$", r"^\x61+$", "^a+?$", r"^[a\-z]{3}$", r"^[a-z.\]]{3}$", "^a|b$", r"^\{a\}$", "^$"),
        *(r"^\\$", "^[^x]*$", r"^\[$", r"^[\n]$", "^(a+)+$"),
    ],
)
def test_a_pattern_that_llama_cpp_follows_passes(pattern: str) -> None:
    require_followed({"schema": {"properties": {"pattern": {"type": "string", "pattern": pattern}}}}, "response_format")


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", "a", "^a", "a$", r"^\w{3}$", r"^[\d]{3}$", r"^\s+$", r"^a\bb$", "^(?i)a$", "^(?=a)b$", "^a$b$"),
        *("^^a$", "^[[:alpha:]]$", r"^(a)\1$", r"^\p{L}$", r"^abc\$", '^"$', r"^[\.]$", "", "^", "^" + "[a" * 14_000),
    ],
    ids=lambda pattern: f"{pattern}"[:40],
)
def test_one_that_it_would_not_follow_is_refused(pattern: str) -> None:
    with pytest.raises(BadRequest, match="cannot be followed") as refused:
        require_followed({"schema": {"anyOf": [TEXT, {"type": "string", "pattern": pattern}]}}, "response_format")
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", "response_format")
