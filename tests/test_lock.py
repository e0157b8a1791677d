"""What runs in production is locked, by version and by hash, and nobody's licence or start-up hook slips in."""

import json
import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from supply.licences import PERMISSIVE, REASONS, expression_of, parts_of
from supply.locked import HOMES, LOCK, Locked, normal, read, read_all

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
VENDOR = ROOT / "dashboard" / "static" / "vendor" / "vendor.toml"
# Releases with holes that concern us end below these.
FLOORS = {
    "jinja2": "3.1.6",
    "torch": "2.10",
    "werkzeug": "3.1.6",
    "urllib3": "2.6.3",
    "requests": "2.32.4",
    "h11": "0.16",
    "flask": "3.1.3",
    "granian": "2.8.7",
    "pydantic": "2.14.3",
    "safetensors": "0.8",
    "transformers": "5.23",
}
# A start-up hook runs in every Python process: how LiteLLM's releases stole keys in March 2026.
KNOWN_PTH = {"distutils-precedence.pth"}
HASHED = r"[a-z0-9-]+==\S+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"


@pytest.fixture(scope="module")
def locked() -> dict[str, Locked]:
    """The lock by package."""
    return {one.name: one for one in read_all()}


def pins(name: str) -> dict[str, str]:
    """What a requirements file pins itself."""
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    return {normal(package): version for package, version in re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)}


def reached(names: Iterable[str]) -> set[str]:
    """The installed packages that these need, in turn, by what each says of itself."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = normal(left.pop())
        if name in found:
            continue
        try:
            needed = [Requirement(text) for text in distribution(name).requires or ()]
        except PackageNotFoundError:  # an extra's, or another platform's
            continue
        found.add(name)
        left += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


@pytest.mark.parametrize("home", [*HOMES, "torch-cpu"])
def test_every_line_of_the_lock_is_a_version_with_hashes(home: str) -> None:
    text = (LOCK / f"{home}.txt").read_text(encoding="utf-8")
    body = re.sub(r"\A(#.*\n)*(-r \w+\.txt\n)?", "", text)
    assert re.fullmatch(f"({HASHED})+", body)


@pytest.mark.parametrize("name", ["service", "engine", "postgresql", "wandb"])
def test_every_pin_is_locked_as_it_stands(name: str, locked: dict[str, Locked]) -> None:
    wanted = pins(name)
    assert wanted
    assert wanted == {package: locked[package].version for package in wanted if package in locked}


@pytest.mark.parametrize("name", ["service", "engine", "wandb", "postgresql"])
def test_what_they_need_in_turn_is_locked_too(name: str, locked: dict[str, Locked]) -> None:
    needed = reached(pins(name))
    assert needed >= set(pins(name))
    assert needed - set(locked) == set()
    others = {one: distribution(one).version for one in needed}
    assert {one: version.partition("+")[0] for one, version in others.items()} == {
        one: locked[one].version for one in needed
    }


def test_each_file_holds_what_its_requirements_need(locked: dict[str, Locked]) -> None:
    assert {locked[name].home for name in reached(pins("service"))} == {"service"}
    assert {locked[name].home for name in reached(pins("engine"))} == {"service", "engine", "torch"}
    assert [one.version for one in read("torch") if one.name == "torch"] == [pins("engine")["torch"]]
    assert f"torch=={pins('engine')['torch']}+cpu " in (LOCK / "torch-cpu.txt").read_text(encoding="utf-8")


def test_holes_that_were_closed_stay_closed(locked: dict[str, Locked]) -> None:
    assert [name for name, floor in FLOORS.items() if Version(locked[name].version) < Version(floor)] == []
    assert {"litellm", "flask-cors"} & set(locked) == set()


def test_no_package_brings_a_start_up_hook(locked: dict[str, Locked]) -> None:
    found = set()
    for name in reached(locked):
        found |= {file.name for file in distribution(name).files or () if file.suffix == ".pth"}
    assert found - KNOWN_PTH == set()


def test_the_bill_and_the_list_are_the_lock(locked: dict[str, Locked]) -> None:
    bill: dict[str, Any] = json.loads((ROOT / "docs" / "sbom.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    browsers = {one["package"]: one["version"] for one in tomllib.loads(VENDOR.read_text(encoding="utf-8")).values()}
    npm = {one["name"]: one["version"] for one in bill["components"] if one["purl"].startswith("pkg:npm/")}
    assert npm == browsers
    listed = {one["name"]: one for one in bill["components"] if one["name"] not in npm}
    assert {name: one["version"] for name, one in listed.items()} == {name: one.version for name, one in locked.items()}
    for name, one in locked.items():
        [reference] = listed[name]["externalReferences"]
        assert {file["content"] for file in reference["hashes"]} == set(one.hashes)
        assert listed[name]["licenses"], name
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \| (\w+) \|$", read_list(), re.MULTILINE)[1:]
    assert {(name, version, home) for name, version, _, home in rows} == {
        *((one.name, one.version, one.home) for one in locked.values()),
        *((name, version, "npm") for name, version in browsers.items()),
    }


def test_every_licence_is_permissive_or_has_its_reason() -> None:
    licences = [row.split(" | ")[2] for row in read_list().splitlines() if row.startswith("| ")][2:]
    assert len(licences) > 80
    named = {part for licence in licences for part in parts_of(licence)}
    assert named <= PERMISSIVE | set(REASONS)
    assert [licence for licence in REASONS if f"- `{licence}`: " not in read_list()] == []


def read_list() -> str:
    return (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


def test_a_licence_that_nobody_knows_is_not_passed_over() -> None:
    assert expression_of({"name": "x", "license": "BSD"}) == "BSD-3-Clause"
    assert (
        expression_of(
            {"name": "x", "license": "a\nwhole text", "classifier": ["License :: OSI Approved :: MIT License"]}
        )
        == "MIT"
    )
    with pytest.raises(LookupError, match="Commons Clause"):
        expression_of({"name": "x", "license": "Commons Clause"})
