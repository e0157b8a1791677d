"""The rules for one list of chat messages: roles, keys, content, weights, tool calls; tool definitions are not here."""

from collections.abc import Sequence

from dataprep.report import Problem, Problems
from dataprep.wording import did_you_mean, name_type, point, show

ROLES = ("system", "user", "assistant", "tool")
_COMMON = frozenset({"role", "content", "name"})
KEYS = {
    "system": _COMMON,
    "developer": _COMMON,
    "user": _COMMON,
    "assistant": _COMMON | {"weight", "tool_calls", "function_call", "refusal", "audio"},
    "tool": _COMMON | {"tool_call_id"},
    "function": _COMMON,
}
# Roles as other tools write them.
_SYNONYMS = {"human": "user", "gpt": "assistant", "bot": "assistant", "ai": "assistant", "model": "assistant"}
_PART_PAYLOADS = {"text": "text", "refusal": "refusal", "image_url": "image_url", "input_audio": "input_audio"}
_PART_PAYLOADS["file"] = "file"


def check_messages(messages: object, *steps: str) -> Problems:
    """All problems of a message list that stands at `steps` in its example."""
    if not isinstance(messages, list):
        detail = f"'{steps[-1]}' must be an array of messages, not {name_type(messages)}."
        yield Problem(point(*steps), "invalid_messages", detail)
        return
    if not messages:
        yield Problem(point(*steps), "invalid_messages", f"'{steps[-1]}' is empty. Give at least one message.")
    call_ids: set[object] = set()
    for index, message in enumerate(messages):
        yield from _check_message(message, call_ids, (*steps, index))


def check_trainable(messages: Sequence[object]) -> Problems:
    """Whether there is an assistant message to learn from, and whether the last one is the assistant's."""
    answers = [message for message in messages if isinstance(message, dict) and message.get("role") == "assistant"]
    if not answers:
        detail = "no message has the role assistant, so there is nothing to learn. Add the answer to be taught."
        yield Problem("/messages", "no_assistant_message", detail)
    elif all(answer.get("weight") == 0 for answer in answers):
        detail = "every assistant message has weight 0, so there is nothing to learn. Give one weight 1."
        yield Problem("/messages", "no_trainable_message", detail)
    elif messages[-1] is not answers[-1]:
        detail = "the last message is not the assistant's; what follows its last answer is not learned."
        yield Problem(point("messages", len(messages) - 1), "last_message_not_assistant", detail, "warning")


def _check_message(message: object, call_ids: set[object], steps: tuple[str | int, ...]) -> Problems:
    if not isinstance(message, dict):
        detail = f"a message must be an object with role and content, not {name_type(message)}."
        yield Problem(point(*steps), "invalid_message", detail)
        return
    role = message.get("role")
    if "role" not in message:
        detail = "the message has no 'role'. Give system, user, assistant or tool." + _guess_key(message, "role")
        yield Problem(point(*steps), "missing_role", detail)
    elif not isinstance(role, str) or role not in KEYS:
        yield _refuse_role(role, steps)
    else:
        yield from _check_keys(message, role, steps)
        yield from _check_content(message, role, steps)
        yield from _check_weight(message, role, steps)
        yield from _check_tools(message, role, call_ids, steps)


def _refuse_role(role: object, steps: tuple[str | int, ...]) -> Problem:
    hint = did_you_mean(role, KEYS)
    if isinstance(role, str) and role.lower() in _SYNONYMS:
        hint = f" Did you mean '{_SYNONYMS[role.lower()]}'?"
    detail = f"role {show(role)} is not one of {', '.join(ROLES)}.{hint}"
    return Problem(point(*steps, "role"), "unknown_role", detail)


def _guess_key(message: dict[str, object], wanted: str) -> str:
    for key in message:
        if key != wanted and did_you_mean(key, [wanted]):
            return f" Is {show(key)} meant to be '{wanted}'?"
    return ""


def _check_keys(message: dict[str, object], role: str, steps: tuple[str | int, ...]) -> Problems:
    for key in message:
        if key in KEYS[role] or key == "weight":
            continue
        allowed = sorted(KEYS[role])
        detail = f"unknown key {show(key)} in a message of role {role}. Known are {', '.join(allowed)}."
        yield Problem(point(*steps, key), "unknown_key", detail + did_you_mean(key, allowed))
    name = message.get("name")
    if name is not None and not isinstance(name, str):
        yield Problem(point(*steps, "name"), "invalid_name", f"'name' must be a string, not {name_type(name)}.")


def _check_content(message: dict[str, object], role: str, steps: tuple[str | int, ...]) -> Problems:
    content = message.get("content")
    at = point(*steps, "content")
    if isinstance(content, str):
        yield from _check_text(message, content, role, at)
    elif isinstance(content, list):
        yield from _check_parts(content, (*steps, "content"))
    elif content is not None:
        detail = f"'content' must be a string or an array of parts, not {name_type(content)}."
        yield Problem(at, "invalid_content", detail)
    elif not _may_be_silent(message, role):
        detail = f"the {role} message has no 'content'. Give its text." + _guess_key(message, "content")
        yield Problem(point(*steps), "missing_content", detail)


def _may_be_silent(message: dict[str, object], role: str) -> bool:
    if role == "function":
        return True
    speaks_otherwise = ("tool_calls", "function_call", "refusal", "audio")
    return role == "assistant" and any(message.get(key) for key in speaks_otherwise)


def _check_text(message: dict[str, object], content: str, role: str, at: str) -> Problems:
    if content and not content.isspace():
        return
    if role == "assistant" and message.get("weight") != 0 and not _may_be_silent(message, role):
        detail = "the assistant's content is empty, which teaches silence. Give an answer or drop the example."
        yield Problem(at, "empty_content", detail)
    elif role != "assistant":
        yield Problem(at, "empty_content", f"the {role} message is empty.", "warning")


def _check_parts(parts: list[object], steps: tuple[str | int, ...]) -> Problems:
    if not parts:
        yield Problem(point(*steps), "invalid_content", "'content' is an empty array. Give at least one part.")
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(part, dict) or not isinstance(kind, str) or kind not in _PART_PAYLOADS:
            detail = f"a content part must be an object whose type is one of {', '.join(_PART_PAYLOADS)}."
            yield Problem(point(*steps, index), "invalid_content", detail + did_you_mean(kind, _PART_PAYLOADS))
            continue
        wanted: type = str if kind in ("text", "refusal") else dict
        if not isinstance(part.get(_PART_PAYLOADS[kind]), wanted):
            word = "a string" if wanted is str else "an object"
            detail = f"a part of type {kind} needs '{kind}', {word}."
            yield Problem(point(*steps, index), "invalid_content", detail)


def _check_weight(message: dict[str, object], role: str, steps: tuple[str | int, ...]) -> Problems:
    if "weight" not in message:
        return
    weight = message["weight"]
    at = point(*steps, "weight")
    if role != "assistant":
        detail = f"'weight' belongs to assistant messages only, this one is of role {role}. Remove it."
        yield Problem(at, "misplaced_weight", detail)
    elif weight is not None and (isinstance(weight, bool) or weight not in (0, 1)):
        yield Problem(at, "invalid_weight", f"weight {show(weight)} is neither 0 nor 1.")


def _check_tools(
    message: dict[str, object], role: str, call_ids: set[object], steps: tuple[str | int, ...]
) -> Problems:
    if role == "assistant":
        yield from _check_calls(message, call_ids, steps)
    elif role == "tool":
        yield from _check_answer(message.get("tool_call_id"), call_ids, steps)


def _check_answer(call_id: object, call_ids: set[object], steps: tuple[str | int, ...]) -> Problems:
    at = point(*steps, "tool_call_id")
    if not isinstance(call_id, str):
        detail = "a tool message needs 'tool_call_id', the id of the call it answers."
        yield Problem(at, "missing_tool_call_id", detail)
    elif call_id not in call_ids:
        detail = f"tool_call_id {show(call_id)} answers no call: no earlier assistant message made it."
        yield Problem(at, "unknown_tool_call_id", detail)


def _check_calls(message: dict[str, object], call_ids: set[object], steps: tuple[str | int, ...]) -> Problems:
    legacy = message.get("function_call")
    if legacy is not None and not _is_function(legacy):
        detail = "'function_call' needs 'name' and 'arguments', both strings (arguments: JSON in a string)."
        yield Problem(point(*steps, "function_call"), "invalid_tool_calls", detail)
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        detail = "'tool_calls' must be an array with at least one call. Leave the key out if there is none."
        yield Problem(point(*steps, "tool_calls"), "invalid_tool_calls", detail)
        return
    for index, call in enumerate(calls):
        if _is_call(call):
            call_ids.add(call["id"])
            continue
        detail = (
            "a tool call needs 'id' (a string), 'type': 'function' and 'function' with 'name' and 'arguments',"
            " both strings (arguments: JSON in a string)."
        )
        yield Problem(point(*steps, "tool_calls", index), "invalid_tool_calls", detail)


def _is_call(call: object) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str):
        return False
    return call.get("type") == "custom" or (call.get("type") == "function" and _is_function(call.get("function")))


def _is_function(call: object) -> bool:
    return isinstance(call, dict) and isinstance(call.get("name"), str) and isinstance(call.get("arguments"), str)
