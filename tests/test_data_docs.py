"""docs/data.md names every format that is read and every code that a check can give, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dataprep.checks import phrasing
from dataprep.sources.registry import SOURCES

ROOT = Path(__file__).resolve().parent.parent
CODE_PLACES = {"Problem": 1, "Unreadable": 0}  # which argument is the code


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of docs/data.md, without its head."""
    section = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def codes_in_source() -> Iterator[str]:
    """Patterns of the codes that dataprep writes down; a part filled in at run time is `.+`."""
    for file in sorted((ROOT / "dataprep").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODE_PLACES:
                place = CODE_PLACES[node.func.id]
                yield from _pattern(node.args[place] if len(node.args) > place else None)
    yield from (re.escape(code) for code, *_ in phrasing._RULES)


def _pattern(argument: ast.expr | None) -> Iterator[str]:
    if isinstance(argument, ast.Constant):
        yield re.escape(str(argument.value))
    elif isinstance(argument, ast.JoinedStr):
        parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in argument.values)
        yield "".join(parts)


def test_every_format_is_listed_in_the_order_of_the_readers() -> None:
    assert [row[0].strip("`") for row in rows_under("Formats")] == [source.name for source in SOURCES]
    assert [row[1] for row in rows_under("Formats")] == [source.title for source in SOURCES]


def test_every_code_of_a_check_is_listed_and_no_other() -> None:
    documented = [code for row in rows_under("Checks") for code in re.findall(r"`(\w+)`", row[1])]
    patterns = set(codes_in_source())
    assert len(set(documented)) == len(documented)
    assert [one for one in sorted(patterns) if not any(re.fullmatch(one, code) for code in documented)] == []
    assert [code for code in documented if not any(re.fullmatch(one, code) for one in patterns)] == []
