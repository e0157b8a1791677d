"""The shape of a plain, faultless chat line, for a decoder that accepts it at full speed.

It never explains: a line that is not clean here may still be valid, `examples` tells.
"""

import re
from typing import Annotated, Literal

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

# Quotation marks of {"messages": []}, of one {"role": "...", "content": "..."} in it, and of a "weight".
_QUOTES_OF_LINE = 2
_QUOTES_OF_MESSAGE = 8
_QUOTES_OF_WEIGHT = 2


class _Message(Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Meta(min_length=1)]
    weight: Literal[0, 1] | None = None


class _Chat(Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Message]


_decode = Decoder(_Chat).decode
# Left to right, so that the quotation mark in \\" is seen to close its string.
_find_escapes = re.compile(rb'\\[\\"]').findall


def is_clean_chat(line: bytes) -> bool:
    """Whether the line is certainly a faultless chat example that gives no ground for a warning either."""
    try:
        messages = _decode(line).messages
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if not messages or messages[-1].role != "assistant" or messages[-1].weight == 0:
        return False
    for message in messages:
        if message.content.isspace():
            return False
    surplus = line.count(b'"') - _QUOTES_OF_LINE - _QUOTES_OF_MESSAGE * len(messages)
    return surplus == 0 or _is_explained(surplus, line, messages)


def _is_explained(surplus: int, line: bytes, messages: list[_Message]) -> bool:
    """Whether quotation marks in texts and the assistant's weights explain the surplus; else a key is there twice."""
    surplus -= _find_escapes(line).count(b'\\"')
    if surplus == 0:
        return True
    weighted = [message.role for message in messages if message.weight is not None]
    return surplus == _QUOTES_OF_WEIGHT * len(weighted) == _QUOTES_OF_WEIGHT * weighted.count("assistant")
