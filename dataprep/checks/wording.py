"""How findings speak: values shown short and safe, near misses named, pointers spelled; it decides no rule."""

import difflib
from collections.abc import Collection

MAX_SHOWN = 60


def show(value: object) -> str:
    """A value as an error message quotes it: one line, no control characters, at most about sixty characters."""
    if isinstance(value, str):
        short = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "..."
        if not short.isprintable():
            short = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in short)
        return f"'{short}'"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return repr(value)[:MAX_SHOWN]
    return "an object" if isinstance(value, dict) else "an array"


def name_type(value: object) -> str:
    """The JSON type of a decoded value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "an array", dict: "an object"}
    return names[type(value)]


def did_you_mean(value: object, choices: Collection[str]) -> str:
    """A question naming the choice nearest to the value, with a leading blank; nothing if none is near."""
    if not isinstance(value, str) or len(value) > MAX_SHOWN:
        return ""
    near = difflib.get_close_matches(value.lower(), choices, n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def point(*steps: str | int) -> str:
    """The JSON pointer (RFC 6901) of these steps from the root."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def last_step(pointer: str) -> str:
    """The last step of a JSON pointer, unescaped."""
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
