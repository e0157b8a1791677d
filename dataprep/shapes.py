"""The shape of a plain, faultless chat line, for a decoder that accepts it at full speed.

It never explains: a line that is not clean here may still be valid, `examples` tells.
"""

from typing import Annotated, Literal

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

_Text = Annotated[str, Meta(min_length=1)]

# Quotation marks of {"messages": []} and of one {"role": "...", "content": "..."} in it.
_QUOTES_OF_LINE = 2
_QUOTES_OF_MESSAGE = 8


class _Turn(Struct, tag_field="role", forbid_unknown_fields=True, gc=False):
    content: _Text


class _System(_Turn, tag="system", gc=False):
    pass


class _User(_Turn, tag="user", gc=False):
    pass


class _Assistant(_Turn, tag="assistant", gc=False):
    weight: Literal[0, 1, None] = None


class _Chat(Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_System | _User | _Assistant]


_decode = Decoder(_Chat).decode


def is_clean_chat(line: bytes) -> bool:
    """Whether the line is certainly a faultless chat example that gives no ground for a warning either."""
    try:
        messages = _decode(line).messages
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if not messages or type(messages[-1]) is not _Assistant or messages[-1].weight == 0:
        return False
    for message in messages:
        if message.content.isspace():
            return False
    expected = _QUOTES_OF_LINE + _QUOTES_OF_MESSAGE * len(messages)
    return line.count(b'"') == expected or _count_quotes(line, messages) == expected


def _count_quotes(line: bytes, messages: list[_System | _User | _Assistant]) -> int:
    """The quotation marks that are JSON syntax, less those of weights: any surplus is a key given twice."""
    unescaped = line.replace(b"\\\\", b"")
    weights = sum(type(message) is _Assistant and message.weight is not None for message in messages)
    return unescaped.count(b'"') - unescaped.count(b'\\"') - 2 * weights
