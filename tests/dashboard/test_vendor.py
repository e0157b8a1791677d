"""What others wrote for browsers is what they published, and its licence is with it."""

import hashlib
import tomllib
from typing import Any

from dashboard import language
from supply.licences import PERMISSIVE

VENDOR = language.CATALOGUE.parent / "static" / "vendor"


def packages() -> dict[str, dict[str, Any]]:
    """What is written down of each."""
    return tomllib.loads((VENDOR / "vendor.toml").read_text(encoding="utf-8"))


def test_each_file_is_the_one_that_was_written_down() -> None:
    for package in packages().values():
        for name, (_, sha256) in package["files"].items():
            assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == sha256, name


def test_nothing_lies_there_that_is_not_written_down() -> None:
    known = {name for package in packages().values() for name in package["files"]}
    assert {file.name for file in VENDOR.iterdir()} == known | {"vendor.toml"}


def test_each_has_a_permissive_licence_with_its_text() -> None:
    for name, package in packages().items():
        assert package["licence"] in PERMISSIVE
        assert f"{name}.LICENSE.txt" in package["files"]
