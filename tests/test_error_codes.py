"""docs/wire.md lists every code that a failure may carry, and none that no failure carries."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.serving import process
from services import creates
from wire.errors import ApiError

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("wire", "engine", "services", "routes", "gate")
CONSTANT = ast.Constant(None)
CODE = re.compile(r"[a-z]+(_[a-z]+)+")
ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| `(\w+)` \| ", re.MULTILINE)
JOB_ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| ", re.MULTILINE)

# Their failures are not made in one place: a function gives the status to both, a class the code.
SEEN_ELSEWHERE = {
    "invalid_api_key": (401, "invalid_request_error"),
    "missing_api_key": (401, "invalid_request_error"),
    "upstream_unavailable": (503, "service_unavailable_error"),
}


def codes_of(tree: ast.AST) -> Iterator[str]:
    """The codes of a source: `code="..."` of a call, `code = "..."` of a class, and what a job is failed with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "code":
            yield from _texts(node.value)
        elif isinstance(node, ast.Return | ast.Assign) and isinstance(node.value, ast.Tuple) and _names_a_fault(node):
            yield from filter(CODE.fullmatch, _texts(node.value.elts[0]))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _texts(node.value) if _is_code(node) else ()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fail":
            yield from _texts(node.args[1]) if len(node.args) > 1 else ()


class Shape(NamedTuple):
    """What a failure of a code is."""

    code: str
    status: int
    type: str


DERIVED_IN = (creates, process)  # with what they import, all modules that derive a failure from another


def failures(kind: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """A class of failures, and those that derive from it."""
    yield kind
    for derived in kind.__subclasses__():
        yield from failures(derived)


def shapes_of(tree: ast.AST) -> Iterator[Shape]:
    """Each code that a failure is made with, and what its class or the call gives it for status and type."""
    kinds = {kind.__name__: kind for kind in failures()}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        kind = kinds.get(getattr(node.func, "attr", getattr(node.func, "id", "")))
        given = {one.arg: one.value for one in node.keywords}
        if kind is None or not all(isinstance(given.get(one, CONSTANT), ast.Constant) for one in ("status", "type")):
            continue
        default = kind("")
        made = {name: getattr(given.get(name), "value", getattr(default, name)) for name in ("status", "type")}
        for code in _texts(given.get("code", ast.Constant(default.code))):
            yield Shape(code, **made)


def _names_a_fault(node: ast.Return | ast.Assign) -> bool:
    """Whether a code and its words are what a job is failed with."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return not targets or any(isinstance(one, ast.Name) and one.id == "fault" for one in targets)


def _is_code(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == "code" for target in targets)


def _texts(value: ast.expr | None) -> Iterator[str]:
    """A constant, or the constants that `a if b else c` and `a or b` choose from."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    for part in (getattr(value, "body", None), getattr(value, "orelse", None), *getattr(value, "values", ())):
        if isinstance(part, ast.expr):
            yield from _texts(part)


def sources() -> Iterator[ast.AST]:
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*.py"):
            yield ast.parse(file.read_text("utf-8"))
    yield ast.parse((ROOT / "dataprep" / "checks" / "failure.py").read_text("utf-8"))


def used() -> set[str]:
    return {code for tree in sources() for code in codes_of(tree)}


def section(heading: str) -> str:
    text = (ROOT / "docs" / "wire.md").read_text("utf-8")
    return text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def test_every_code_is_documented_and_every_documented_code_is_used() -> None:
    listed = [code for code, _, _ in ROW.findall(section("## Error codes"))]
    jobs = section("## Fine-tuning").partition("| `error.code` |")[2].partition("\n\n")[0]
    of_jobs = {code for row in JOB_ROW.findall(jobs) for code in re.findall(r"\w+", row)}
    assert sorted(listed) == sorted({*listed}), "each once"
    assert {*listed} <= used()
    assert used() <= {*listed} | of_jobs
    assert of_jobs <= used()


@pytest.mark.parametrize("language", ["", "zh/"])
def test_the_status_and_type_of_a_code_are_those_that_the_code_gives_it(language: str) -> None:
    text = (ROOT / "docs" / language / "wire.md").read_text("utf-8")
    listed = {code: (int(status), kind) for code, status, kind in ROW.findall(text)}
    made = {shape for tree in sources() for shape in shapes_of(tree) if shape.code in listed}
    assert [one for one in made if listed[one.code] != (one.status, one.type)] == []
    assert {*listed} - {one.code for one in made} == SEEN_ELSEWHERE.keys()
    assert {code: listed[code] for code in SEEN_ELSEWHERE} == SEEN_ELSEWHERE


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("raise NotFound('x', code='gone')", {"gone"}),
        ("E('x', code='a' if late else 'b')", {"a", "b"}),
        ("class E(Exception):\n    code: str = 'typed'", {"typed"}),
        ("self._endings.fail(claim, reason.code or 'crashed', str(reason), now)", {"crashed"}),
        ("def told(fault):\n    return 'disk_full' if full else 'server_error', reason", {"disk_full", "server_error"}),
        ("fault = 'invalid_file', words", {"invalid_file"}),
        ("E(code=error.code)", set()),
    ],
)
def test_a_code_is_found_however_it_is_given(source: str, codes: set[str]) -> None:
    assert set(codes_of(ast.parse(source))) == codes
