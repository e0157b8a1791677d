"""Looks again at the beginning of a file that failed its check, to say what it is instead; it reads no rows."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from dataprep.checks.disguise import unmask_bytes
from dataprep.checks.report import Finding, Problem, Report
from dataprep.decoding import SAMPLE_BYTES, settled_encoding
from dataprep.methods import method_of
from dataprep.sources.registry import head_of, recognise
from dataprep.sources.source import HEAD_BYTES

# What the check knows itself, or no conversion makes anything of.
_NOT_JSON = ("-csv", "-txt", "-html")
# Broken as it may be, this is an example; whatever words stand in it are no mark of an export.
_begins_training = re.compile(
    r"\s*[\[{]\s*(?:'|\{?\s*[\"']?(?:messages|prompt|completion|input|preferred_output|non_preferred_output)\b)"
).match
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


def is_export(stream: BinaryIO) -> bool:
    """Whether a file, whatever it is called, is to be converted: it begins as an export does, not as an example."""
    beginning = stream.tell()
    sample = stream.read(SAMPLE_BYTES)
    stream.seek(beginning)
    return method_of(io.BytesIO(sample)) is None and _export_in(sample) is not None


def _export_in(sample: bytes) -> str | None:
    """What an export calls itself, with how that is seen; None if it is none that begins so."""
    if unmask_bytes(sample[:HEAD_BYTES].partition(b"\n")[0]) is not None and not _is_wide(sample):
        return None
    head = head_of(sample[:HEAD_BYTES], "", Path())
    if _begins_training(head.text):
        return None
    found = recognise(head)
    if found is None or found[0].name in _NO_EXPORTS:
        return None
    source, reason = found
    if head.text.lstrip().startswith(("{", "[")) and source.name.endswith(_NOT_JSON):
        return None
    return f"{source.title}: {reason}"


def _is_wide(sample: bytes) -> bool:
    return settled_encoding(sample).startswith(("utf-16", "utf-32"))


def _tell_encoding(findings: list[Finding], sample: bytes) -> None:
    """Let the first finding of bytes that are no UTF-8 say what the file is in, and all that a fix knows it."""
    settled = settled_encoding(sample)
    hint = f" The file seems to be in {settled}."
    for at, one in enumerate(findings):
        if settled != "utf-8" and one.code == "invalid_utf8":
            findings[at] = replace(one, message=one.message + hint, fix="recode")
            hint = ""
