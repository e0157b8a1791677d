"""The rules for tools in use: calls, their arguments and answers; what a call needs declared is told per example."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from dataprep.checks.report import Problem, Problems
from dataprep.checks.wording import did_you_mean, name_type, point, show

Steps = tuple[str | int, ...]
_CALL_TYPES = ("function", "custom")


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
        given = f", not {name_type(call_id)}" if call_id is not None else ""
        detail = f"a tool message needs 'tool_call_id'{given}. Give the id of the call it answers, a string."
        yield Problem(at, "missing_tool_call_id", detail)
    elif call_id not in calls.made:
        detail = (
            f"tool_call_id {show(call_id)} answers no call: no earlier assistant message made it. Give the id of one."
        )
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
    faults = list(_check_function(legacy, "function_call", at))
    if faults:
        yield from faults
        return
    detail = "'function_call' is the old way to call. Write 'tool_calls', and declare 'tools', not 'functions'."
    yield Problem(at, "legacy_function_call", detail, "warning")


def _check_calls(made: object, calls: Calls, steps: Steps) -> Problems:
    if made is None:
        return
    at = point(*steps, "tool_calls")
    if not isinstance(made, list) or not made:
        given = "is empty" if made == [] else f"must be an array, not {name_type(made)}"
        detail = f"'tool_calls' {given}. Give at least one call, or leave the key out if there is none."
        yield Problem(at, "invalid_tool_calls", detail, fix="drop_empty_calls" if made == [] else None)
        return
    for index, call in enumerate(made):
        place = f"{at}/{index}"
        faults = list(_check_call(call, place))
        if faults:
            yield from faults
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
        detail = f"the arguments {show(arguments)} are JSON, but no object. Write one with the parameters by name."
        yield Problem(at, "invalid_arguments", detail, "warning")


def _check_call(call: object, at: str) -> Problems:
    """What is wrong with the shape of one call, member by member."""
    if not isinstance(call, dict):
        detail = f"a tool call must be an object with 'id', 'type' and 'function', not {name_type(call)}. Write one."
        yield Problem(at, "invalid_tool_calls", detail)
        return
    yield from _check_word(call, "id", "a tool call", at)
    kind = call.get("type")
    if kind == "function":
        yield from _check_function(call.get("function"), "function", f"{at}/function")
    elif kind not in _CALL_TYPES:
        given = f"the type {show(kind)} of a tool call is none" if "type" in call else "a tool call has no 'type'"
        detail = f"{given}. Write 'function'." + did_you_mean(kind, _CALL_TYPES)
        yield Problem(f"{at}/type", "invalid_tool_calls", detail)


def _check_function(called: object, key: str, at: str) -> Problems:
    """What is wrong with the function a call names and the arguments it gives."""
    if not isinstance(called, dict):
        given = "is missing" if called is None else f"is {name_type(called)}"
        detail = f"'{key}' {given}. Write an object with 'name' and 'arguments', both strings."
        yield Problem(at, "invalid_tool_calls", detail)
        return
    yield from _check_word(called, "name", "a called function", at)
    arguments = called.get("arguments")
    if not isinstance(arguments, str):
        given = "are missing" if arguments is None else f"are {name_type(arguments)}"
        detail = f"the 'arguments' of the call {given}, not a string. Write the JSON of an object into a string."
        fix = "arguments_to_text" if isinstance(arguments, dict) else None
        yield Problem(f"{at}/arguments", "invalid_tool_calls", detail, fix=fix)


def _check_word(holder: dict[str, object], key: str, whose: str, at: str) -> Problems:
    word = holder.get(key)
    if isinstance(word, str) and word.strip():
        return
    given = "is missing" if key not in holder else "is empty" if isinstance(word, str) else f"is {name_type(word)}"
    detail = f"the '{key}' of {whose} {given}. Give a string that is not empty."
    yield Problem(f"{at}/{key}", "invalid_tool_calls", detail)
