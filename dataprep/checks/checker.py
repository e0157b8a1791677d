"""Checks a file of training data as a target has it; the pass over its lines is in `walk`."""

from dataclasses import replace
from typing import BinaryIO

from dataprep.checks.profiles import TARGETS
from dataprep.checks.report import Report
from dataprep.checks.walk import Walk, read_lines

PROFILES = tuple(TARGETS)
# In files up to this size every example is read for its wording too, in larger ones a sample of about so much.
MAX_CLOSE_BYTES = 32 * 1024 * 1024
SAMPLE_BYTES = 1 * 1024 * 1024


def check(
    stream: BinaryIO,
    *,
    profile: str = "openai",
    minimum: int | None = None,
    max_tokens: int | None = None,
    thorough: bool = False,
) -> Report:
    """Check training data from the stream's position on, by the rules of a target (see `profiles`).

    With `minimum`, too few examples are an error and few a warning; None leaves counts alone. `max_tokens` is how
    long an example may be where the target leaves it open or the model is not its usual one. `thorough` reads every
    example of a large file for its wording too. Raises ValueError on an unknown profile.
    """
    if profile not in PROFILES:
        raise ValueError(f"unknown profile '{profile}', known: {', '.join(PROFILES)}")
    target = TARGETS[profile] if max_tokens is None else replace(TARGETS[profile], max_tokens=max_tokens)
    stride = 1 if thorough else _stride(stream)
    start = stream.tell() if stream.seekable() else None
    walk = Walk(target, minimum, stride)
    walk.follow(walk.read_blocks(stream) if stride > 1 else read_lines(stream))
    report = walk.finish()
    if report.errors and start is not None:
        # The readers of all formats take a tenth of a second to import: for what failed alone.
        from dataprep.checks.second_look import look_again

        stream.seek(start)
        look_again(report, stream)
    return report


def _stride(stream: BinaryIO) -> int:
    """Of how many lines one is looked at closely: 1 but for large files."""
    if not stream.seekable():
        return 1
    start = stream.tell()
    size = stream.seek(0, 2) - start
    stream.seek(start)
    return 1 if size <= MAX_CLOSE_BYTES else size // SAMPLE_BYTES
