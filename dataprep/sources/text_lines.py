"""An export opened as text, and its lines as its writer meant them: cut at LF only, so that U+2028 and CR stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import repeat
from pathlib import Path

from dataprep.decoding import open_text
from dataprep.sources.source import Head, UnreadableSource

CHUNK_CHARS = 64 * 1024


@contextmanager
def open_export(source: Path | Head) -> Iterator[TextIOWrapper]:
    """Open a file as text, in its own encoding or the one asked for; raises UnreadableSource, also while it is read."""
    try:
        path, encoding = (source.path, source.encoding) if isinstance(source, Head) else (source, "")
        with open_text(path, encoding) as file:
            yield file
    except (LookupError, UnicodeError) as error:
        raise UnreadableSource(f"The file's encoding cannot be read ({error}). Save it as UTF-8.") from None


def read_lines(source: Path | Head) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end); raises UnreadableSource if the encoding cannot be read."""
    with open_export(source) as file:
        file.reconfigure(newline="\n")
        number, rest = 1, file.read(1).removeprefix("\ufeff")
        # As much again of a line longer than a chunk, so that it is not copied for each chunk.
        while chunk := file.read(max(CHUNK_CHARS, len(rest))):
            *lines, rest = (rest + chunk).split("\n")
            yield from enumerate(map(str.removesuffix, lines, repeat("\r")), number)
            number += len(lines)
        if rest:
            yield number, rest.removesuffix("\n").removesuffix("\r")
