"""The shape of a plain, faultless chat line, for a decoder that accepts it at full speed.

It never explains: a line that is not clean here may still be valid, `examples` tells.
"""

import re
from typing import Literal

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

# Quotation marks of {"messages": []}, of one {"role": "...", "content": "..."} in it, and of a "weight".
_QUOTES_OF_LINE = 2
_QUOTES_OF_MESSAGE = 8
_QUOTES_OF_WEIGHT = 2
# Behind an even number of backslashes, each pair of which is one in the text.
_find_mark_by_number = re.compile(rb"(?<!\\)(?:\\\\)*\\u0022").search
_NEXT = {"system": "user", "user": "assistant", "assistant": "user"}


class PlainMessage(Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A message of a clean line: its content is a string with something in it, its weight never written as null."""

    role: Literal["system", "user", "assistant"]
    content: str
    weight: Literal[0, 1] | None = None


class _Chat(Struct, forbid_unknown_fields=True, gc=False):
    messages: list[PlainMessage]


_decode = Decoder(_Chat).decode


def read_clean_chat(line: bytes) -> list[PlainMessage] | None:
    """The messages of a line that is certainly faultless and orderly for every target; None if it may not be.

    Orderly is: perhaps a system message, then user and assistant in turns, the assistant last; no weights but the
    assistant's, the last one not 0.
    """
    try:
        messages = _decode(line).messages
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not messages:
        return None
    expected = "system" if messages[0].role == "system" else "user"
    for message in messages:
        role, content = message.role, message.content
        if role != expected or not content or content.isspace():
            return None
        expected = _NEXT[role]
    if expected != "user" or role != "assistant":
        return None
    surplus = line.count(b'"') - _QUOTES_OF_LINE - _QUOTES_OF_MESSAGE * len(messages)
    return messages if surplus == 0 or _is_explained(surplus, line, messages) else None


def _is_explained(surplus: int, line: bytes, messages: list[PlainMessage]) -> bool:
    """Whether quotation marks in texts and the assistant's weights explain the surplus; else a key is there twice."""
    for message in messages:
        if '"' in message.content:
            surplus -= message.content.count('"')
    # Written as a number, a mark is in the text but not in the line: it could hide a key's.
    if surplus < 0 or (b"u0022" in line and _find_mark_by_number(line)):
        return False
    if surplus == 0:
        return True
    weighted = [message.role for message in messages if message.weight is not None]
    quotes = _QUOTES_OF_WEIGHT * len(weighted)
    return surplus == quotes == _QUOTES_OF_WEIGHT * weighted.count("assistant") and messages[-1].weight != 0
