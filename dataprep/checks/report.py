"""What a check found: findings, each with its line and the way out; it decides nothing about the data itself."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
Kind = Literal["chat", "preference", "reinforcement", "completion"]

MAX_KEPT_FINDINGS = 100


class Problem(NamedTuple):
    """One thing wrong inside an example, told without its line; `pointer` is a JSON pointer into the example.

    `fix` is the code of a change that sets it right and cannot do harm; None where a person has to decide.
    """

    pointer: str
    code: str
    detail: str
    severity: Severity = "error"
    fix: str | None = None


Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with the file; `line` counts from 1 and is None where the whole file is meant."""

    line: int | None
    pointer: str
    code: str
    severity: Severity
    message: str
    fix: str | None = None

    @property
    def detail(self) -> str:
        """The message without the line number it begins with."""
        return self.message.removeprefix(f"Line {self.line}: ")


@dataclass(slots=True)
class Report:
    """All that a check learned; `findings` keeps the first hundred, `errors` and `warnings` count every one.

    `complete` is False when the check gave up before the end of the file; `bytes` is what it read until then.
    `closely` is how many examples were read for their wording too: all of them but in large files.
    """

    kind: Kind | None = None
    examples: int = 0
    closely: int = 0
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
        """Count a problem, and keep it while there is room; errors, then codes not kept yet, go before warnings."""
        pointer, code, detail, severity, fix = problem
        prefix = "" if line is None else f"Line {line}: "
        if severity == "error":
            self.errors += 1
        else:
            self.warnings += 1
        if len(self.findings) >= MAX_KEPT_FINDINGS and not self._make_room(code, severity):
            return
        self.findings.append(Finding(line, pointer, code, severity, prefix + detail, fix))

    def _make_room(self, code: str, severity: Severity) -> bool:
        """Drop the last finding of the commonest kind, of warnings if there are any, if the new one is worth more."""
        known = any(finding.code == code and finding.severity == severity for finding in self.findings)
        if known and severity == "warning":
            return False
        least: Severity = "warning" if any(one.severity == "warning" for one in self.findings) else "error"
        if least == "error" and (known or severity == "warning"):
            return False
        commonest, count = Counter(one.code for one in self.findings if one.severity == least).most_common(1)[0]
        if severity == least and count == 1:
            return False
        kept = enumerate(self.findings)
        del self.findings[max(at for at, one in kept if (one.code, one.severity) == (commonest, least))]
        return True
