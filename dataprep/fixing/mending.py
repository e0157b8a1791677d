"""Mends one decoded example where only one thing can be meant: roles, keys, weights, tool calls, masks."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from dataprep.checks.examples import is_foreign_pair, strays_of
from dataprep.checks.messages import KEYS, meant_role, strays_of_message
from dataprep.checks.order import may_join
from dataprep.checks.phrasing import CONTROL, INVISIBLE, SEPARATOR
from dataprep.checks.profiles import Profile
from dataprep.checks.report import Kind
from dataprep.checks.wording import show
from dataprep.masking import Masker
from dataprep.plural import counted

_OUTPUTS = ("preferred_output", "preferred_completion", "non_preferred_output", "non_preferred_completion")
# Identifiers, types and addresses: a mask would break what they point at.
_UNMASKED = frozenset({"role", "type", "id", "tool_call_id", "image_url", "input_audio", "file", "weight"})
_JSON_IN_TEXT = "arguments"
_ODD = (
    ("drop_invisible", INVISIBLE, "", "characters that cannot be seen removed from"),
    ("drop_control", CONTROL, "", "control characters removed from"),
    ("separator_to_lf", SEPARATOR, "\n", "line ends of Unicode's became LF in"),
)


class Mend(NamedTuple):
    """One thing that was changed: its code, and what in words."""

    code: str
    detail: str


def mend(example: dict[str, Any], profile: Profile, kind: Kind | None) -> list[Mend]:
    """Mend an example of this kind in place for a target and return what was changed; the unclear stays as it is."""
    return list(_mend(example, profile, kind))


def mask(example: dict[str, Any], masker: Masker) -> None:
    """Put placeholders for personal data into all texts of an example, in place."""
    example.update((key, _mask(key, value, masker)) for key, value in example.items())


def masked(value: object, masker: Masker) -> object:
    """Return a decoded line, example or not, with placeholders for personal data in all its texts."""
    return _mask("", value, masker)


def _mend(example: dict[str, Any], profile: Profile, kind: Kind | None) -> Iterator[Mend]:
    if kind == "chat":
        yield from _mend_list(example["messages"], profile)
        yield from _move_system(example)
        yield from _strip(example, strays_of(example))
        yield from _mend_order(example["messages"], profile)
    elif kind == "reinforcement":
        yield from _mend_list(example["messages"], profile)
    elif kind == "preference":
        given = example.get("input")
        lists = [given.get("messages") if isinstance(given, dict) else None, *(example.get(key) for key in _OUTPUTS)]
        for messages in lists:
            yield from _mend_list(messages, profile)
        if not is_foreign_pair(example):
            yield from _strip(example, strays_of(example))
        if isinstance(given, dict) and "messages" in given:
            yield from _strip(given, strays_of(given))
    elif kind == "completion":
        for key in ("prompt", "completion"):
            yield from _mend_text(example, key)
        yield from _strip(example, strays_of(example))


def _mend_list(messages: object, profile: Profile) -> Iterator[Mend]:
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            yield from _mend_role(message)
            yield from _mend_keys(message, profile)
            yield from _mend_calls(message)
            yield from _mend_text(message, "content")
            for part in message["content"] if isinstance(message.get("content"), list) else []:
                yield from _mend_text(part, "text")


def _mend_text(holder: object, key: str) -> Iterator[Mend]:
    """Take from a text what nobody sees or meant; what then is empty was no text and stays."""
    text = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(text, str):
        return
    for code, odd, instead, what in _ODD:
        cleaned = odd.sub(instead, text)
        if cleaned.strip() and cleaned != text:
            holder[key] = text = cleaned
            yield Mend(code, f"{what} '{key}'")


def _mend_order(messages: object, profile: Profile) -> Iterator[Mend]:
    """Join what one speaker says in a row, and end with an answer, where the target refuses anything else."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return
    if profile.alternation == "error":
        kept = list[dict[str, Any]]()
        for message in messages:
            if kept and may_join(kept[-1], message):
                kept[-1]["content"] += "\n" + message["content"]
                yield Mend("merge_messages", f"two messages of role {message['role']} in a row became one")
            else:
                kept.append(message)
        messages[:] = kept
    answers = [at for at, message in enumerate(messages) if message.get("role") == "assistant"]
    if profile.closing == "error" and answers and answers[-1] + 1 < len(messages):
        yield Mend(
            "drop_trailing_messages",
            f"{counted(len(messages) - answers[-1] - 1, 'message')} after the last answer cut off",
        )
        del messages[answers[-1] + 1 :]


def _mend_role(message: dict[str, Any]) -> Iterator[Mend]:
    role, meant = message.get("role"), meant_role(message)
    if meant is None:
        return
    message["role"] = meant
    yield Mend("rename_role", f"role {show(role)} became '{meant}'")


def _mend_keys(message: dict[str, Any], profile: Profile) -> Iterator[Mend]:
    role = message.get("role")
    if not isinstance(role, str) or role not in KEYS:
        return
    if "weight" in message and (role != "assistant" or profile.weight is not None):
        del message["weight"]
        yield Mend("drop_weight", f"'weight' removed from a message of role {role}")
    if message.get("tool_calls") == []:
        del message["tool_calls"]
        yield Mend("drop_empty_calls", "an empty 'tool_calls' removed")
    yield from _strip(message, strays_of_message(message, role))


def _strip(holder: dict[str, Any], strays: list[str]) -> Iterator[Mend]:
    for key in strays:
        del holder[key]
        yield Mend("drop_key", f"key {show(key)} removed")


def _move_system(example: dict[str, Any]) -> Iterator[Mend]:
    """A system prompt beside the messages belongs at their beginning, if there is none yet."""
    messages, system = example["messages"], example.get("system")
    if not isinstance(messages, list) or not isinstance(system, str):
        return
    if any(isinstance(one, dict) and one.get("role") == "system" for one in messages):
        return
    del example["system"]
    if system.strip():
        messages.insert(0, {"role": "system", "content": system})
    yield Mend(
        "move_system", "the key 'system' became the first message" if system.strip() else "empty 'system' removed"
    )


def _mend_calls(message: dict[str, Any]) -> Iterator[Mend]:
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    for function in (*functions, message.get("function_call")):
        if isinstance(function, dict) and isinstance(function.get(_JSON_IN_TEXT), dict):
            function[_JSON_IN_TEXT] = json.dumps(function[_JSON_IN_TEXT], ensure_ascii=False)
            yield Mend("arguments_to_text", "'arguments' became JSON in a string")


def _mask(key: str, value: object, masker: Masker) -> object:
    if key in _UNMASKED:
        return value
    if isinstance(value, str):
        if key == _JSON_IN_TEXT:
            return _mask_json(value, masker)
        masked = masker.mask(value)
        # A name may hold no brackets.
        return masked.strip("[]") if key == "name" and masked != value else masked
    if isinstance(value, dict):
        return {inner: _mask(inner, one, masker) for inner, one in value.items()}
    if isinstance(value, list):
        return [_mask(key, one, masker) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        masked = masker.mask(str(value)) if len(str(value)) < 32 else str(value)
        return value if masked == str(value) else masked
    return value


def _mask_json(text: str, masker: Masker) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return masker.mask(text)
    masked = _mask("", value, masker)
    return text if masked == value else json.dumps(masked, ensure_ascii=False)
