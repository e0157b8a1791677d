"""Mends one decoded example where only one thing can be meant: roles, keys, weights, tool calls, masks."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from dataprep.checks.examples import recognise
from dataprep.checks.messages import KEYS, SYNONYMS
from dataprep.checks.phrasing import CONTROL, INVISIBLE
from dataprep.checks.profiles import Profile
from dataprep.checks.wording import did_you_mean, show
from dataprep.masking import Masker

_OUTPUTS = ("preferred_output", "preferred_completion", "non_preferred_output", "non_preferred_completion")
# What carries content in one format or another is never thrown away as a stray key.
_CHAT = ("messages", "tools", "parallel_tool_calls", "functions", "system", "images", "role", "content", "response")
_PAIRS = ("input", "prompt", "completion", "instruction", "output", "history", "conversations", "question", "answer")
_TELLING = frozenset({*_CHAT, *_PAIRS, *_OUTPUTS})
# Identifiers, types and addresses: a mask would break what they point at.
_UNMASKED = frozenset({"role", "type", "id", "tool_call_id", "image_url", "input_audio", "file", "weight"})
_JSON_IN_TEXT = "arguments"


class Mend(NamedTuple):
    """One thing that was changed: its code, and what in words."""

    code: str
    detail: str


def mend(example: dict[str, Any], profile: Profile) -> list[Mend]:
    """Mend an example in place for a target and return what was changed; what is unclear stays for the check."""
    return list(_mend(example, profile))


def mask(example: dict[str, Any], masker: Masker) -> None:
    """Put placeholders for personal data into all texts of an example, in place."""
    example.update((key, _mask(key, value, masker)) for key, value in example.items())


def masked(value: object, masker: Masker) -> object:
    """Return a decoded line, example or not, with placeholders for personal data in all its texts."""
    return _mask("", value, masker)


def _mend(example: dict[str, Any], profile: Profile) -> Iterator[Mend]:
    kind = recognise(example)
    if kind == "chat":
        yield from _mend_list(example["messages"], profile)
        yield from _move_system(example)
        yield from _strip(example, [key for key in example if key not in _TELLING], sorted(_TELLING))
        yield from _mend_order(example["messages"], profile)
    elif kind == "preference":
        given = example.get("input")
        lists = [given.get("messages") if isinstance(given, dict) else None, *(example.get(key) for key in _OUTPUTS)]
        for messages in lists:
            yield from _mend_list(messages, profile)
    elif kind == "completion":
        for key in ("prompt", "completion"):
            yield from _mend_text(example, key)


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
    """Remove from a text what nobody sees or meant; what then is empty was no text and stays."""
    text = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(text, str):
        return
    for code, odd in (("drop_invisible", INVISIBLE), ("drop_control", CONTROL)):
        cleaned = odd.sub("", text)
        if cleaned.strip() and cleaned != text:
            holder[key] = text = cleaned
            yield Mend(code, f"characters that cannot be seen removed from '{key}'")


def _mend_order(messages: object, profile: Profile) -> Iterator[Mend]:
    """Join what one speaker says in a row, and end with an answer, where the target refuses anything else."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return
    if profile.alternation == "error":
        kept = list[dict[str, Any]]()
        for message in messages:
            if kept and _may_join(kept[-1], message):
                kept[-1]["content"] += "\n" + message["content"]
                yield Mend("merge_messages", f"two messages of role {message['role']} in a row became one")
            else:
                kept.append(message)
        messages[:] = kept
    answers = [at for at, message in enumerate(messages) if message.get("role") == "assistant"]
    if profile.closing == "error" and answers and answers[-1] + 1 < len(messages):
        yield Mend(
            "drop_trailing_messages", f"{len(messages) - answers[-1] - 1} message(s) after the last answer cut off"
        )
        del messages[answers[-1] + 1 :]


def _may_join(first: dict[str, Any], second: dict[str, Any]) -> bool:
    plain = all(
        one.keys() <= {"role", "content", "weight"} and isinstance(one.get("content"), str) for one in (first, second)
    )
    same = first.get("role") == second.get("role") and first.get("weight") == second.get("weight")
    return plain and same and first.get("role") in ("user", "assistant")


def _mend_role(message: dict[str, Any]) -> Iterator[Mend]:
    role = message.get("role")
    if not isinstance(role, str) or role in KEYS:
        return
    plain = role.strip().lower()
    meant = plain if plain in KEYS else SYNONYMS.get(plain)
    # A tool's message without its call is no better than an observation.
    if meant is None or (meant == "tool" and "tool_call_id" not in message):
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
    if message.get("content") is not None or message.get("tool_calls"):
        strays = [key for key in message if key not in KEYS[role] and key not in ("weight", "content", "tool_calls")]
        yield from _strip(message, strays, sorted(KEYS[role] - message.keys()))


def _strip(holder: dict[str, Any], strays: list[str], missing: list[str]) -> Iterator[Mend]:
    """Remove keys that nobody knows, except one that may be a known key mistyped."""
    for key in strays:
        if not did_you_mean(key, missing):
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
