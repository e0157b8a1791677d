"""Recognises and reads data that is already laid out for training, as a JSON array or JSON lines; it repairs nothing.

Every row is read by its own keys, whatever format the file was taken for, so a file may mix them.
"""

import json
import re
from collections.abc import Callable, Iterator

from dataprep.decoding import open_text
from dataprep.records import Dialogue, LeftOut, Place, Row
from dataprep.sources.json_stream import BrokenJson, JsonStream, read_elements
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.training_rows import BrokenRow, NothingToLearn, dialogue_of
from dataprep.strict_json import Unreadable, read_line

_MAX_LINE_CHARS = 64 * 1024 * 1024
_NO_ELEMENT = "no example could be read. Give a JSON array of objects, or one object a line."


def _sign(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern).search


# The first that stands in the text decides; a quotation mark after a backslash belongs to somebody's words.
_SIGNS = {
    "messages": _sign(r'(?<!\\)"messages"\s*:\s*\[\s*(?:\{[^{}]*?"role"\s*:|\])'),
    "sharegpt": _sign(r'(?<!\\)"conversations?"\s*:\s*\[\s*(?:\{[^{}]*?"(?:from|role)"\s*:|\])'),
    "alpaca": _sign(
        r'(?<!\\)"instruction"\s*:(?s:.*?)(?<!\\)"output"\s*:|(?<!\\)"output"\s*:(?s:.*?)"instruction"\s*:'
    ),
    "prompt-completion": _sign(
        r'(?<!\\)"prompt"\s*:(?s:.*?)(?<!\\)"completion"\s*:|(?<!\\)"completion"\s*:(?s:.*?)"prompt"\s*:'
    ),
}
_REASONS = {
    "messages": 'objects with "messages", each with a role',
    "sharegpt": 'objects with "conversations"',
    "alpaca": 'objects with "instruction" and "output"',
    "prompt-completion": 'objects with "prompt" and "completion"',
}


def _recognise_as(name: str) -> Callable[[Head], str | None]:
    def recognise(head: Head) -> str | None:
        if not head.text.lstrip().startswith(("[", "{")):
            return None
        found = {sign: match.start() for sign, search in _SIGNS.items() if (match := search(head.text))}
        return _REASONS[name] if found and min(found, key=found.__getitem__) == name else None

    return recognise


def _read(head: Head) -> Iterator[Row]:
    rows = _read_lines(head) if _is_lines(head) else _read_values(head)
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise UnreadableSource(f"The file is empty: {_NO_ELEMENT}")


def _is_lines(head: Head) -> bool:
    """Whether each line is an object of its own: told from the first, which must not go on in the second."""
    text = head.text.lstrip()
    line, _, rest = text.partition("\n")
    if not text.startswith("{"):
        return not text.startswith("[")
    try:
        _, end = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return line.rstrip().endswith("}") and (not rest or rest.lstrip().startswith("{"))
    return not line[end:].lstrip(" ,").startswith("{")


def _read_lines(head: Head) -> Iterator[Row]:
    with open_text(head.path) as file:
        number = 0
        while line := file.readline(_MAX_LINE_CHARS):
            number += 1
            place = Place(head.label, number)
            if len(line) == _MAX_LINE_CHARS:
                raise UnreadableSource(f"Line {number} is longer than {_MAX_LINE_CHARS} characters. Split it.")
            yield _read_line(place, line.strip(" \t\r\n"))


def _read_line(place: Place, line: str) -> Row:
    if not line:
        return LeftOut(place, "blank")
    try:
        value = read_line(line.encode("utf-8", "replace"))
    except Unreadable as error:
        return LeftOut(place, "broken_row", error.problem.detail)
    return _row_of(place, value)


def _read_values(head: Head) -> Iterator[Row]:
    with open_text(head.path) as file:
        try:
            for row, value in read_elements(file):
                yield _row_of(Place(head.label, row), value)
        except BrokenJson as error:
            raise UnreadableSource(
                f"Example {error.row}: {error.detail}. Mend it, or write one object a line."
            ) from None


def _row_of(place: Place, value: object) -> Row:
    try:
        messages, extra = dialogue_of(value)
    except BrokenRow as error:
        return LeftOut(place, "broken_row", str(error))
    except NothingToLearn as error:
        return LeftOut(place, error.reason, error.detail)
    return Dialogue(place, messages, extra=extra)


SOURCES: tuple[Source, ...] = (
    Source("messages", "OpenAI chat examples (messages)", _recognise_as("messages"), _read),
    Source("sharegpt", "ShareGPT (conversations)", _recognise_as("sharegpt"), _read),
    Source("alpaca", "Alpaca (instruction, input, output)", _recognise_as("alpaca"), _read),
    Source("prompt-completion", "Prompt and completion", _recognise_as("prompt-completion"), _read),
)
