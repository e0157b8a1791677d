"""Checks training data line by line before anybody pays for it; converting exports into training data is not here."""

from dataprep.checker import check
from dataprep.failure import job_error
from dataprep.leak import leaks
from dataprep.report import Finding, Report

__all__ = ["Finding", "Report", "check", "job_error", "leaks"]
