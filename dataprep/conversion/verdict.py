"""What the check says of the files that a conversion makes, counted by code; the findings themselves are not kept."""

from collections import Counter
from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import Any

from dataprep.checks.checker import check
from dataprep.conversion.windows import Example, lines_of
from dataprep.plural import counted


def judge(examples: Sequence[Example], profile: str, minimum: int | None = None) -> dict[str, dict[str, int]]:
    """Return `{"errors": {code: count}, "warnings": {code: count}}`, counted in the check's first hundred findings.

    `minimum` is how many examples there have to be, None where that does not matter.
    """
    with TemporaryFile() as file:
        file.writelines(line.encode("utf-8", "replace") for line in lines_of(examples))
        file.seek(0)
        findings = check(file, profile=profile, minimum=minimum).findings
    return {
        f"{severity}s": dict(Counter(one.code for one in findings if one.severity == severity).most_common())
        for severity in ("error", "warning")
    }


def tell_verdict(profile: str, verdicts: Sequence[dict[str, dict[str, int]]]) -> str:
    """Return one sentence on the verdicts of all parts."""
    told = []
    for severity in ("error", "warning"):
        codes = sum((Counter(verdict[f"{severity}s"]) for verdict in verdicts), Counter[str]())
        listed = ", ".join(f"{code} {count}" for code, count in codes.most_common())
        told.append(f"{counted(codes.total(), severity)} ({listed})" if codes else f"no {severity}s")
    return f"Checked for {profile}: {', '.join(told)}."


def refusals(report: dict[str, Any]) -> list[str]:
    """The codes of the errors in a report's `check`, over all parts."""
    parts = (report["check"]["training"], report["check"]["validation"])
    return sorted({code for part in parts if part for code in part["errors"]})
