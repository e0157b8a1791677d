"""The lines of a text file as its writer meant them: cut at LF only, so that U+2028 and lone CR stay in the text."""

from collections.abc import Iterator
from pathlib import Path

from dataprep.decoding import open_text
from dataprep.sources.source import UnreadableSource


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end); raises UnreadableSource if the encoding cannot be read."""
    try:
        with open_text(path) as file:
            file.reconfigure(newline="\n")
            for number, line in enumerate(file, 1):
                text = line.removeprefix("\ufeff") if number == 1 else line
                yield number, text.removesuffix("\n").removesuffix("\r")
    except (LookupError, UnicodeError) as error:
        raise UnreadableSource(f"The file's encoding cannot be read ({error}). Save it as UTF-8.") from None
