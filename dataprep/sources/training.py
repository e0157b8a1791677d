"""Recognises and reads data that is already laid out for training, as a JSON array or JSON lines; it repairs nothing.

Every row is read by its own keys, whatever format the file was taken for, so a file may mix them.
"""

import json
import re
from collections.abc import Callable, Iterator

from dataprep.checks.strict_json import Unreadable, read_line
from dataprep.records import Dialogue, LeftOut, Place, Row
from dataprep.sources.json_stream import BrokenJson, read_elements
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.text_lines import open_export, read_lines
from dataprep.sources.training_rows import NothingToLearn, dialogue_of, taken_out_of
from dataprep.sources.walks import BrokenRow

_NO_ELEMENT = "no example could be read. Give a JSON array of objects, or one object a line."


# All must stand in the text; of several formats the first decides. After a backslash it is somebody's words.
_SIGNS = {
    "messages": [re.compile(r'(?<!\\)"messages"\s*:\s*\[\s*(?:\{[^{}]{0,4000}?"role"\s*:|\])')],
    "sharegpt": [re.compile(r'(?<!\\)"conversations?"\s*:\s*\[\s*(?:\{[^{}]{0,4000}?"(?:from|role)"\s*:|\])')],
    "alpaca": [re.compile(rf'(?<!\\)"{key}"\s*:') for key in ("instruction", "output")],
    "prompt-completion": [re.compile(rf'(?<!\\)"{key}"\s*:') for key in ("prompt", "completion")],
}
_REASONS = {
    "messages": 'objects with "messages", each with a role',
    "sharegpt": 'objects with "conversations"',
    "alpaca": 'objects with "instruction" and "output"',
    "prompt-completion": 'objects with "prompt" and "completion"',
}


def _recognise_as(name: str) -> Callable[[Head], str | None]:
    def recognise(head: Head) -> str | None:
        return _REASONS[name] if _format_of(head.text) == name else None

    return recognise


def _format_of(text: str) -> str | None:
    if not text.lstrip().startswith(("[", "{")):
        return None
    starts: dict[str, int] = {}
    for name, patterns in _SIGNS.items():
        found = [pattern.search(text) for pattern in patterns]
        if all(found):
            starts[name] = min(match.start() for match in found if match)
    return min(starts, key=starts.__getitem__, default=None)


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
    for number, line in read_lines(head):
        yield _read_line(Place(head.label, number), line.strip(" \t\r"))


def _read_line(place: Place, line: str) -> Row:
    if not line:
        return LeftOut(place, "blank")
    try:
        value = read_line(line.encode("utf-8", "replace"))
    except Unreadable as error:
        return LeftOut(place, "broken_row", error.problem.detail)
    return _row_of(place, value)


def _read_values(head: Head) -> Iterator[Row]:
    with open_export(head) as file:
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
    return Dialogue(place, messages, extra=extra, taken_out=taken_out_of(value))


SOURCES: tuple[Source, ...] = (
    Source("messages", "OpenAI chat examples (messages)", _recognise_as("messages"), _read),
    Source("sharegpt", "ShareGPT (conversations)", _recognise_as("sharegpt"), _read),
    Source("alpaca", "Alpaca (instruction, input, output)", _recognise_as("alpaca"), _read),
    Source("prompt-completion", "Prompt and completion", _recognise_as("prompt-completion"), _read),
)
