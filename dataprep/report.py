"""What a check found: findings, each with its line and the way out; it decides nothing about the data itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
Kind = Literal["chat", "preference", "completion"]

MAX_KEPT_FINDINGS = 100


class Problem(NamedTuple):
    """One thing wrong inside an example, told without its line; `pointer` is a JSON pointer into the example."""

    pointer: str
    code: str
    detail: str
    severity: Severity = "error"


Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with the file; `line` counts from 1 and is None where the whole file is meant."""

    line: int | None
    pointer: str
    code: str
    severity: Severity
    message: str

    @property
    def detail(self) -> str:
        """The message without the line number it begins with."""
        return self.message.removeprefix(f"Line {self.line}: ")


@dataclass(slots=True)
class Report:
    """All that a check learned; `findings` keeps the first hundred, `errors` and `warnings` count every one.

    `complete` is False when the check gave up before the end of the file; `bytes` is what it read until then.
    """

    kind: Kind | None = None
    examples: int = 0
    bytes: int = 0
    errors: int = 0
    warnings: int = 0
    complete: bool = True
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the file may be trained on; warnings do not stand in the way."""
        return self.errors == 0

    def add(self, line: int | None, problem: Problem) -> None:
        """Count a problem, and keep it while there is room; an error takes the place of a kept warning."""
        pointer, code, detail, severity = problem
        prefix = "" if line is None else f"Line {line}: "
        if severity == "error":
            self.errors += 1
        else:
            self.warnings += 1
        if len(self.findings) >= MAX_KEPT_FINDINGS and not self._make_room(severity):
            return
        self.findings.append(Finding(line, pointer, code, severity, prefix + detail))

    def _make_room(self, severity: Severity) -> bool:
        if severity == "warning" or self.errors > MAX_KEPT_FINDINGS:
            return False
        warnings = [at for at, finding in enumerate(self.findings) if finding.severity == "warning"]
        del self.findings[warnings[-1]]
        return True
