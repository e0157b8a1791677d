"""Looks again at the beginning of a file that failed its check, to say what it is instead; it reads no rows."""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from dataprep.checks.disguise import unmask_bytes
from dataprep.checks.report import Finding, Problem, Report
from dataprep.decoding import SAMPLE_BYTES, encoding_of_bytes, settled_encoding
from dataprep.sources.registry import head_of, recognise
from dataprep.sources.source import HEAD_BYTES

# What the check knows itself, or no conversion makes anything of.
_NO_EXPORTS = frozenset({"messages", "prompt-completion", "document", "wechatmsg-contacts", "pywxdump-contacts"})


def look_again(report: Report, stream: BinaryIO) -> None:
    """Tell an export by its name in place of all findings, or what a file is in that is no UTF-8; leaves others be."""
    sample = stream.read(SAMPLE_BYTES)
    title = _export_in(sample) if report.kind is None else None
    if title is not None:
        detail = f"the file is not JSONL of examples but looks like {title}. Convert it first."
        report.kind, report.complete = None, False
        report.examples = report.errors = report.warnings = 0
        report.findings.clear()
        report.add(1, Problem("", "unsupported_file_type", detail))
    elif any(finding.code == "invalid_utf8" for finding in report.findings):
        _tell_encoding(report.findings, sample)


def _export_in(sample: bytes) -> str | None:
    """What an export calls itself, with how that is seen; None if it is none that begins so."""
    if unmask_bytes(sample[:HEAD_BYTES].partition(b"\n")[0]) is not None and not _is_wide(sample):
        return None
    found = recognise(head_of(sample[:HEAD_BYTES], "", Path()))
    if found is None or found[0].name in _NO_EXPORTS:
        return None
    source, reason = found
    return f"{source.title}: {reason}"


def _is_wide(sample: bytes) -> bool:
    return settled_encoding(sample).startswith(("utf-16", "utf-32"))


def _tell_encoding(findings: list[Finding], sample: bytes) -> None:
    """Let the first finding of bytes that are no UTF-8 say what they may be, and all whether a fix knows it."""
    settled, guess = settled_encoding(sample), encoding_of_bytes(sample)
    if settled != "utf-8":
        hint, mend = f" The file seems to be in {settled}.", "recode"
    elif not guess.startswith("utf-8"):
        hint, mend = f" Such bytes may be {guess}.", None
    else:
        return
    first = True
    for at, one in enumerate(findings):
        if one.code == "invalid_utf8":
            findings[at] = replace(one, message=one.message + hint * first, fix=mend)
            first = False
