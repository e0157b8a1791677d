"""Says how OpenAI would fail a job over a checked file: its codes and texts, our line numbers; it runs no job."""

from typing import Literal

from dataprep.checks.report import Finding, Kind, Report
from dataprep.checks.wording import last_step

Split = Literal["training", "validation"]

# The name and the method of training of each kind.
FORMATS: dict[Kind, tuple[str, str]] = {
    "chat": ("fine-tune-chat", "supervised"),
    "completion": ("fine-tune-completion", "supervised"),
    "preference": ("fine-tune-preference", "dpo"),
    "reinforcement": ("fine-tune-reinforcement", "reinforcement"),
}
_NOT_JSONL = {"json_array", "csv", "invalid_encoding", "unsupported_file_type"}
# What an upload is refused for here; a trainer takes it, and whoever sent it without the check wanted it.
_OUR_OWN = frozenset({"secret", "placeholder_answer"})
_MISSING_KEYS = {"missing_messages": "messages", "missing_prompt": "prompt", "missing_completion": "completion"}


def job_error(
    report: Report, file_id: str, minimum_examples: int, method: str, split: Split = "training"
) -> tuple[str, str] | None:
    """The (code, message) a job on this file ends with; None if the file can be trained on by this method.

    Source of codes and texts: recorded failures of OpenAI's fine-tuning jobs; the example number is the line number.
    """
    empty = report.complete and report.examples == 0
    own = _OUR_OWN if report.complete else frozenset[str]()
    broken = next((one for one in report.findings if one.severity == "error" and one.code not in own), None)
    if not empty and broken is not None:
        prefix = f"The job failed due to a file format error in the {split} file. Invalid file format. "
        return "invalid_file_format", prefix + _tell(broken)
    if report.kind is not None and FORMATS[report.kind][1] != method:
        name, wanted = FORMATS[report.kind]
        message = (
            f"Input file {file_id} is in the {name} format, but the specified fine-tuning job is not using"
            f" '{wanted}' as the training method (provided method={method})."
        )
        return "invalid_file_format", message
    if report.examples < minimum_examples or empty:
        message = (
            f"{split.capitalize()} file has {report.examples} example(s),"
            f" but must have at least {max(minimum_examples, 1)} examples"
        )
        return "invalid_n_examples", message
    return None


def _tell(finding: Finding) -> str:
    if finding.code in _NOT_JSONL:
        expected = "Unexpected file format, expected either prompt/completion pairs or chat messages."
        return f"{expected} Line {finding.line}: {finding.detail}"
    place = _place(finding)
    if finding.code == "missing_role":
        return f"{place} Discriminator 'role' is missing in value"
    if finding.code == "unknown_key":
        return f'{place} contains an extra "{last_step(finding.pointer)}".'
    if finding.code in _MISSING_KEYS:
        return f"{place} is missing key '{_MISSING_KEYS[finding.code]}'"
    return f"{place}: {finding.detail}"


def _place(finding: Finding) -> str:
    """`Example 7, message 2`: both count from 1."""
    steps = finding.pointer.split("/")
    if len(steps) > 2 and steps[1] == "messages" and steps[2].isdecimal():
        return f"Example {finding.line}, message {int(steps[2]) + 1}"
    return f"Example {finding.line}"
