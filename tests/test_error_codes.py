"""docs/wire.md lists every code that a failure may carry, and none that no failure carries."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("wire", "engine", "services", "routes", "gate")
CODE = re.compile(r"[a-z]+(_[a-z]+)+")
ROW = re.compile(r"^\| `(\w+)` \| \d{3} ", re.MULTILINE)
JOB_ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| ", re.MULTILINE)


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


def used() -> set[str]:
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py")]
    files.append(ROOT / "dataprep" / "checks" / "failure.py")
    return {code for file in files for code in codes_of(ast.parse(file.read_text("utf-8")))}


def section(heading: str) -> str:
    text = (ROOT / "docs" / "wire.md").read_text("utf-8")
    return text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def test_every_code_is_documented_and_every_documented_code_is_used() -> None:
    listed = ROW.findall(section("## Error codes"))
    jobs = section("## Fine-tuning").partition("| `error.code` |")[2].partition("\n\n")[0]
    of_jobs = {code for row in JOB_ROW.findall(jobs) for code in re.findall(r"\w+", row)}
    assert sorted(listed) == sorted({*listed}), "each once"
    assert {*listed} <= used()
    assert used() <= {*listed} | of_jobs
    assert of_jobs <= used()


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
