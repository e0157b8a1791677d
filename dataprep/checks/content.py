"""What an example holds, however its line is written, to tell exact duplicates; near copies are in `likeness`."""

from msgspec.json import Encoder

_encode = Encoder(order="sorted").encode


def content_of(example: object) -> bytes:
    """The example as JSON of one form, without blanks, the keys in order; raises RecursionError.

    Clean messages (`shapes`) in `{"messages": ...}` come to the same as their decoded line.
    """
    return _encode(example)


def content_of_line(line: bytes, example: object) -> bytes:
    """The same of a decoded line; of one that is nested too deeply, the line as it is."""
    try:
        return _encode(example)
    except RecursionError:
        return line
