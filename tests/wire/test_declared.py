"""What a caller declares of a file is compared with what came of it."""

import hashlib
import io

import pytest

from wire.declared import Verified, declarations
from wire.errors import BadRequest

CONTENT = b"one line\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("declared", [{}, {"sha256": SHA256}, {"bytes": "9000"}, {"sha256": SHA256, "bytes": "9000"}])
def test_what_was_declared_comes_through_as_it_is(declared: dict[str, str]) -> None:
    verified = Verified(io.BytesIO(CONTENT), declared)
    assert b"".join(iter(lambda: verified.read(100), b"")) == CONTENT


@pytest.mark.parametrize(("name", "value"), [("sha256", "0" * 64), ("bytes", "8999"), ("bytes", "9001")])
def test_another_file_is_refused_at_its_end(name: str, value: str) -> None:
    verified = Verified(io.BytesIO(CONTENT), {name: value})
    assert verified.read(len(CONTENT)) == CONTENT
    with pytest.raises(BadRequest, match=value) as refused:
        verified.read(1)
    assert (refused.value.code, refused.value.param) == ("checksum_mismatch", name)


def test_each_file_gets_what_was_declared_of_it() -> None:
    given = {"sha256": [SHA256.upper(), "0" * 64], "bytes": ["0007", "2"]}
    assert declarations(given, 2) == [{"sha256": SHA256, "bytes": "7"}, {"sha256": "0" * 64, "bytes": "2"}]
    assert declarations({"sha256": [], "bytes": []}, 3) == [{}, {}, {}]


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("sha256", ["abc"], "64 hexadecimal digits"),
        ("sha256", ["g" * 64], "64 hexadecimal digits"),
        ("sha256", [SHA256 + " "], "64 hexadecimal digits"),
        ("bytes", ["-1"], "a whole number"),
        ("bytes", ["١"], "a whole number"),
        ("bytes", [""], "a whole number"),
        ("sha256", [SHA256, SHA256], "1 in all and in their order, not 2"),
    ],
)
def test_a_declaration_that_is_none_is_told(name: str, values: list[str], told: str) -> None:
    with pytest.raises(BadRequest, match=told) as refused:
        declarations({name: values}, 1)
    assert (refused.value.code, refused.value.param) == ("invalid_value", name)
