"""Holds examples to the check, so that what a conversion writes passes it; the rules themselves are in `checks`."""

from collections.abc import Iterable, Iterator

from dataprep.checks.examples import check_example
from dataprep.checks.phrasing import check_turns
from dataprep.checks.report import Problem
from dataprep.checks.texts import texts_beside, turns_of
from dataprep.conversion.ledger import Ledger
from dataprep.conversion.windows import Example


def sound(examples: Iterable[Example], ledger: Ledger) -> Iterator[Example]:
    """Yield the examples that would pass the check; the rows of the others are left with the first fault."""
    for example in examples:
        fault = _fault_of(example)
        if fault is None:
            yield example
        else:
            ledger.leave(example.places, f"failed_check_{fault.code}", fault.detail)


def _fault_of(example: Example) -> Problem | None:
    body = example.body
    try:
        problems = [*check_example(body), *check_turns([*turns_of(body, "chat"), *texts_beside(body)])]
    except RecursionError:
        return Problem("", "json_too_deep", "it is nested too deeply to be checked.")
    return next((problem for problem in problems if problem.severity == "error"), None)
