"""Reads settings from the environment and `.env`, once, at start; the only reader of either."""

import difflib
import io
import math
import os
import re
from collections.abc import Mapping
from dataclasses import Field, field, fields
from pathlib import Path
from typing import Any, Self, cast

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# Every name that a setting was declared with.
_NAMES: set[str] = set()


class WrongSetting(ValueError):
    """A setting that cannot be used; the message names it, its value and what it may be."""


def setting(
    name: str,
    default: Any,
    help: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare one setting: its name in the environment, its default, its reason, and what it may be."""
    _NAMES.add(name)
    facts = {"env": name, "help": help, "least": least, "most": most, "choices": choices}
    return field(default=default, metadata=facts, repr=not name.endswith(("_KEY", "_URL")))


def a_port(name: str, default: int, help: str) -> Any:
    """Declare a setting that is a TCP port."""
    return setting(name, default, help, least=1, most=65535)


class FromEnvironment:
    """What makes a dataclass of settings readable from the environment."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environment`, by default the process's own with `.env` beneath it.

        Raises:
            WrongSetting: at the first value that cannot be used.
        """
        given = environment if environment is not None else _process_environment()
        return cls(**{one.name: _read(one, given) for one in fields(cls)})  # type: ignore[arg-type]


def misspelt_names() -> list[str]:
    """Return a sentence for each name in `.env` that is no setting but nearly one; other names are other programs'."""
    told = []
    for name in dotenv_values(stream=io.StringIO(_text_of_env_file())):
        near = difflib.get_close_matches(name.upper(), sorted(_NAMES), n=1, cutoff=0.8)
        if near and name not in _NAMES:
            told.append(f".env sets {name}, which is no setting. Did you mean {near[0]}?")
    return told


def _process_environment() -> Mapping[str, str]:
    text = _text_of_env_file()
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.value is None and binding.key in _NAMES):
            raise WrongSetting(_unreadable(binding))
    beneath = dotenv_values(stream=io.StringIO(text))
    return {**{name: value for name, value in beneath.items() if value is not None}, **os.environ}


def _text_of_env_file() -> str:
    path = PROJECT_ROOT / ".env"
    try:
        return path.read_text("utf-8") if path.exists() and not path.is_dir() else ""
    except UnicodeDecodeError as error:
        raise WrongSetting(f".env is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from None


def _unreadable(binding: Binding) -> str:
    """Name the line by its number and its first word; the rest may be a key."""
    text = binding.original.string
    line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
    word = re.match(r"(?:export\s+)?(\w*)", text.strip())
    shown = f" ('{word[1]}...')" if word and word[1] else ""
    return f"Line {line} of .env{shown} cannot be read; write NAME=value, and close the quotation marks you open."


def _read(one: Field[Any], environment: Mapping[str, str]) -> Any:
    name, default = one.metadata["env"], cast(Any, one.default)
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = type(default)(text) if not isinstance(default, Path) else Path(text).expanduser().resolve()
    except ValueError:
        kind = {int: "a whole number", float: "a number"}[type(default)]
        raise WrongSetting(f"{name} is '{text}', but must be {kind}. {one.metadata['help']}") from None
    fault = _fault(value, one.metadata)
    if fault:
        raise WrongSetting(f"{name} is '{text}', but must be {fault}. {one.metadata['help']}")
    return value


def _fault(value: Any, facts: Mapping[str, Any]) -> str:
    """What the value would have to be, empty if it is."""
    if facts["choices"]:
        return "" if value in facts["choices"] else f"one of {', '.join(facts['choices'])}"
    if isinstance(value, int | float) and not (facts["least"] <= value <= facts["most"] and math.isfinite(value)):
        bounded = math.isfinite(facts["most"])
        return f"from {facts['least']:g} to {facts['most']:g}" if bounded else f"at least {facts['least']:g}"
    return ""
