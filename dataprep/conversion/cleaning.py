"""Makes texts fit to train on without changing a word: invisible characters, line ends; personal data is not here."""

import math
import re
import unicodedata
from typing import Any

# Zero-width joiners stay: emoji and several scripts are written with them.
_INVISIBLE = re.compile(
    "[\u200b\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad\ue200-\ue202\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
_LINE_ENDS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
# WeChat sets U+2005 after @name, often with a blank after it.
_ODD_SPACES = re.compile("[\u2002-\u200a\u202f] ?")
_HALVES = re.compile("[\ud800-\udfff]")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_NO_MARKS = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    """Return the text without invisible characters, with LF as line end, stripped; half characters become U+FFFD."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _LINE_ENDS.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _ODD_SPACES.sub(" ", text)
    return _HALVES.sub("\ufffd", text).strip()


def clean_value(value: Any) -> Any:
    """Return a value that any JSON reader takes: half characters become U+FFFD, numbers that are none null."""
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [clean_value(item) for item in value]
    if isinstance(value, dict):
        return {clean_value(key): clean_value(item) for key, item in value.items()}
    return value


def normalise(text: str) -> str:
    """Return what two texts have in common that say the same: no case, no width, no blanks, no punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NO_MARKS.sub("", folded) or folded


def is_chinese(text: str) -> bool:
    """Whether the text has a Chinese character."""
    return _CHINESE.search(text) is not None
