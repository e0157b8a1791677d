"""The rules for tools in use: calls, their arguments and answers; what a call needs declared is told per example."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from dataprep.checks.report import Problem, Problems
from dataprep.checks.wording import did_you_mean, point, show

Steps = tuple[str | int, ...]
_CALL_SHAPE = (
    "a tool call needs 'id' (a string), 'type': 'function' and 'function' with 'name' and 'arguments',"
    " both strings (arguments: JSON in a string); neither id nor name is empty."
)


@dataclass(slots=True)
class Calls:
    """The calls of one message list: `made` has every id, `open` the unanswered ones and where they stand."""

    made: set[str] = field(default_factory=set)
    open: dict[str, str] = field(default_factory=dict)


def check_tools(message: dict[str, object], role: str, calls: Calls, steps: Steps) -> Problems:
    """All problems of one message's calls, or of its being an answer to one."""
    if role == "tool":
        yield from _check_answer(message.get("tool_call_id"), calls, steps)
        return
    yield from _miss_answers(calls)
    if role == "assistant":
        yield from _check_legacy(message, steps)
        yield from _check_calls(message.get("tool_calls"), calls, steps)


def check_declared(messages: list[object], holder: dict[str, object], *steps: str | int) -> Problems:
    """Whether each function called in messages that stand at `steps` is declared in `tools` (or `functions`) beside."""
    declared = {*_names(holder.get("tools")), *_names(holder.get("functions"))}
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        for name, at in _called(message, (*steps, index)):
            if name not in declared:
                missing = "" if declared else _miss_declarations(holder)
                detail = f"the called function {show(name)} is not declared in 'tools'.{missing} Declare it there."
                yield Problem(at, "undeclared_tool", detail + did_you_mean(name, declared))


def _miss_declarations(holder: dict[str, object]) -> str:
    given = next((key for key in ("tools", "functions") if key in holder), None)
    if given is None:
        return " The example has no 'tools' at all."
    return f" '{given}' is empty." if holder[given] == [] else ""


def _called(message: dict[str, object], steps: Steps) -> list[tuple[str, str]]:
    """The name of each function a message calls, and where."""
    made = message.get("tool_calls")
    calls: list[tuple[object, Steps]] = [(message.get("function_call"), (*steps, "function_call"))]
    for at, call in enumerate(made if isinstance(made, list) else ()):
        calls.append((call.get("function") if isinstance(call, dict) else None, (*steps, "tool_calls", at)))
    return [(str(one["name"]), point(*place)) for one, place in calls if isinstance(one, dict) and "name" in one]


def _names(definitions: object) -> Collection[str]:
    names = set()
    for definition in definitions if isinstance(definitions, list) else ():
        if isinstance(definition, dict):
            inner = definition.get("function", definition)
            names.add(str(inner.get("name")) if isinstance(inner, dict) else "")
    return names


def _check_answer(call_id: object, calls: Calls, steps: Steps) -> Problems:
    at = point(*steps, "tool_call_id")
    if not isinstance(call_id, str):
        detail = "a tool message needs 'tool_call_id', the id of the call it answers."
        yield Problem(at, "missing_tool_call_id", detail)
    elif call_id not in calls.made:
        detail = f"tool_call_id {show(call_id)} answers no call: no earlier assistant message made it."
        yield Problem(at, "unknown_tool_call_id", detail + did_you_mean(call_id, calls.made))
    else:
        calls.open.pop(call_id, None)


def _miss_answers(calls: Calls) -> Problems:
    for call_id, at in calls.open.items():
        detail = f"the call {show(call_id)} is never answered. Give a tool message with its id right after it."
        yield Problem(at, "unanswered_tool_call", detail)
    calls.open.clear()


def _check_legacy(message: dict[str, object], steps: Steps) -> Problems:
    legacy = message.get("function_call")
    if legacy is None:
        return
    at = point(*steps, "function_call")
    if not _is_function(legacy):
        detail = "'function_call' needs 'name' and 'arguments', both strings (arguments: JSON in a string)."
        yield Problem(at, "invalid_tool_calls", detail)
        return
    detail = "'function_call' is the old way to call. Write 'tool_calls', and declare 'tools', not 'functions'."
    yield Problem(at, "legacy_function_call", detail, "warning")


def _check_calls(made: object, calls: Calls, steps: Steps) -> Problems:
    if made is None:
        return
    at = point(*steps, "tool_calls")
    if not isinstance(made, list) or not made:
        detail = "'tool_calls' must be an array with at least one call. Leave the key out if there is none."
        yield Problem(at, "invalid_tool_calls", detail)
        return
    for index, call in enumerate(made):
        place = f"{at}/{index}"
        if not _is_call(call):
            yield Problem(place, "invalid_tool_calls", _CALL_SHAPE)
            # Whoever answers it answers a call all the same.
            if isinstance(call, dict) and isinstance(call.get("id"), str):
                calls.made.add(call["id"])
            continue
        if call["id"] in calls.made:
            detail = f"the call id {show(call['id'])} was used before. Give each call an id of its own."
            yield Problem(place + "/id", "repeated_tool_call_id", detail, "warning")
        calls.made.add(call["id"])
        calls.open[call["id"]] = place
        if call["type"] == "function":
            yield from _check_arguments(call["function"]["arguments"], place + "/function/arguments")


def _check_arguments(arguments: str, at: str) -> Problems:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        detail = f"the arguments {show(arguments)} are no JSON. Write an object in a string, as the tool takes it."
        yield Problem(at, "invalid_arguments", detail)
        return
    if not isinstance(value, dict):
        detail = f"the arguments {show(arguments)} are JSON, but no object with the parameters by name."
        yield Problem(at, "invalid_arguments", detail, "warning")


def _is_call(call: object) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str) or not call["id"].strip():
        return False
    return call.get("type") == "custom" or (call.get("type") == "function" and _is_function(call.get("function")))


def _is_function(call: object) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("arguments"), str):
        return False
    name = call.get("name")
    return isinstance(name, str) and bool(name.strip())
