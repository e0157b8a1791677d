"""Checks training data line by line before anybody pays for it; converting exports into training data is not here.

A name is imported when it is first asked for: the servers import this package, and begin to listen a fifth sooner.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataprep.checks.checker import check
    from dataprep.checks.failure import job_error
    from dataprep.checks.leak import add_leaks, leaks
    from dataprep.checks.report import Finding, Report

__all__ = ["Finding", "Report", "add_leaks", "check", "job_error", "leaks"]
_HOMES = {
    "Finding": "report",
    "Report": "report",
    "add_leaks": "leak",
    "check": "checker",
    "job_error": "failure",
    "leaks": "leak",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.checks.{_HOMES[name]}"), name)
