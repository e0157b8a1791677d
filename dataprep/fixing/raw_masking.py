"""Masks personal data in text that is broken JSON, string by string; it mends nothing."""

import json
import re

from dataprep.masking import Masker, find

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NUMBER = re.compile(r"(?<=[:\[,])(\s*+)(-?[0-9]++(?:\.[0-9]++)?+)(?=\s*+[,\]}])")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def mask_raw(text: str, masker: Masker) -> str | None:
    """Return the text of a broken line with placeholders for what is found; None if they would not cover all of it."""
    parts, end = list[str](), 0
    for match in _STRING.finditer(text):
        parts += (_mask_between(text[end : match.start()], masker), _mask_string(match[0], masker))
        end = match.end()
    masked = "".join(parts) + _mask_between(text[end:], masker)
    # Where quotation marks are amiss, escapes stand outside of strings and hide where a key begins.
    return None if find(_ESCAPE.sub(_unescape, masked)) else masked


def _mask_string(quoted: str, masker: Masker) -> str:
    try:
        text: str = json.loads(quoted, strict=False)
    except ValueError:
        return masker.mask(quoted)
    masked = masker.mask(text)
    if masked == text:
        return quoted
    return json.dumps(masked, ensure_ascii=_SURROGATE.search(masked) is not None)


def _mask_between(text: str, masker: Masker) -> str:
    """Numbers become strings, so that the placeholder does not break the line even more."""

    def replace(match: re.Match[str]) -> str:
        masked = masker.mask(match[2])
        return match[0] if masked == match[2] else f'{match[1]}"{masked}"'

    return masker.mask(_NUMBER.sub(replace, text))


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else {"n": "\n", "t": "\t", "r": "\r"}.get(match[2], match[2])
