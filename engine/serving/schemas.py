"""How large a JSON schema may be: llama.cpp makes a grammar of it, in time that grows with the square of its parts.

Whoever asks the same model waits for that meanwhile. Whether a schema can be followed is for llama.cpp to tell, but for
patterns: of those it says nothing.
"""

import re
from typing import Any

from wire.errors import BadRequest

# Each of these bounds costs a tenth of a second or less, all together less than one.
MOST_PARTS = 2_000
MOST_OPTIONAL = 200
MOST_LETTERS = 30_000
_SPELT_OUT = ("enum", "const", "pattern", "required")
# Of the patterns that llama.cpp makes a grammar of; with any other it takes any text at all, or text that is no JSON.
_SET = r'\[\^?(?:[^]\["\\]|\\[]\[\\nrtxu-])+\]'
_PIECE = rf'[^]\["\\(^$]|\\[]\[^$.(){{}}|*+?\\nrtxu-]|{_SET}|\((?!\?)|\(\?:'
_is_followed = re.compile(rf"\^(?:{_PIECE})*\$", re.DOTALL).fullmatch


def require_small(schema: Any, param: str) -> None:
    """Refuse a schema, or several in a list, of more values, optional properties of one object, or letters.

    Raises:
        BadRequest: 400 invalid_json_schema.
    """
    parts, letters, waiting = 0, 0, [schema]
    while waiting:
        part = waiting.pop()
        parts += 1
        if isinstance(part, dict):
            letters += _letters(part)
            _require_few_optional(part, param)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    if parts > MOST_PARTS:
        raise _too_large(f"{parts} values", MOST_PARTS, param)
    if letters > MOST_LETTERS:
        raise _too_large(f"{letters} letters in names, patterns and fixed values", MOST_LETTERS, param)


def require_followed(schema: Any, param: str) -> None:
    """Refuse a schema with a pattern that llama.cpp would not follow.

    Raises:
        BadRequest: 400 invalid_json_schema.
    """
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            pattern = part.get("pattern")
            if isinstance(pattern, str) and not _is_followed(pattern):
                message = (
                    f"Invalid schema: the pattern {pattern!r:.80} cannot be followed. It must begin with ^, end with $ "
                    r"and be made of letters, sets, groups and repetitions: write [0-9] for \d."
                )
                raise BadRequest(message, code="invalid_json_schema", param=param)


def _require_few_optional(part: dict[str, Any], param: str) -> None:
    properties, required = part.get("properties"), part.get("required")
    if not isinstance(properties, dict):
        return
    named = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    optional = len(properties.keys() - named)
    if optional > MOST_OPTIONAL:
        raise _too_large(f"an object with {optional} properties that are not required", MOST_OPTIONAL, param)


def _letters(part: dict[str, Any]) -> int:
    """How many letters of an object a grammar spells out."""
    fixed = [part[name] for name in _SPELT_OUT if name in part]
    texts = [text for one in fixed for text in (one if isinstance(one, list) else [one]) if isinstance(text, str)]
    properties = part.get("properties")
    return sum(map(len, [*texts, *(properties if isinstance(properties, dict) else [])]))


def _too_large(what: str, most: int, param: str) -> BadRequest:
    message = f"Invalid schema: it has {what}; at most {most} are taken."
    return BadRequest(message, code="invalid_json_schema", param=param)
