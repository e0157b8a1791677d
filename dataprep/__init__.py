"""Checks training data line by line before anybody pays for it; converting exports into training data is not here."""

from dataprep.checks.checker import check
from dataprep.checks.failure import job_error
from dataprep.checks.leak import add_leaks, leaks
from dataprep.checks.report import Finding, Report

__all__ = ["Finding", "Report", "add_leaks", "check", "job_error", "leaks"]
