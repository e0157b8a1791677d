"""Which method of training a file is for, by its first example; it checks nothing."""

from functools import partial
from typing import BinaryIO

from msgspec import DecodeError
from msgspec.json import decode

from dataprep.checks.examples import recognise
from dataprep.checks.failure import FORMATS

# The head that is looked at, in bytes; an example that is longer tells nothing.
MOST_BYTES = 1024 * 1024


def method_of(stream: BinaryIO) -> str | None:
    """Return supervised, dpo or reinforcement, read from the stream's position on; None if nothing tells."""
    lines = iter(partial(stream.readline, MOST_BYTES), b"")
    try:
        example = decode(next((line for line in lines if not line.isspace()), b""))
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kind = recognise(example) if isinstance(example, dict) else None
    return FORMATS[kind][1] if kind else None
