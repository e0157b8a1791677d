"""The rules for what may be called: `tools`, the old `functions`, and `parallel_tool_calls`; calls are in `calls`."""

from dataprep.checks.profiles import Profile
from dataprep.checks.report import Problem, Problems
from dataprep.checks.wording import name_type, point, show


def check_settings(holder: dict[str, object], profile: Profile, *steps: str) -> Problems:
    """All problems of the settings for tools that stand beside messages, in the object at `steps`."""
    declared = next((key for key in ("tools", "functions") if holder.get(key)), None)
    if declared is not None and profile.tools:
        detail = f"'{declared}' is given, but {profile.name} {profile.tools}"
        yield Problem(point(*steps, declared), "tool_format", detail, "warning")
    for key in ("tools", "functions"):
        definitions = holder.get(key)
        if definitions is not None and not isinstance(definitions, list):
            detail = f"'{key}' is {name_type(definitions)}. Write an array of definitions."
            yield Problem(point(*steps, key), f"invalid_{key}", detail)
        elif isinstance(definitions, list):
            yield from _check_definitions(definitions, *steps, key)
    parallel = holder.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        detail = f"'parallel_tool_calls' is {show(parallel)}. Write true or false, or leave it out."
        yield Problem(point(*steps, "parallel_tool_calls"), "invalid_parallel_tool_calls", detail)


def _check_definitions(definitions: list[object], *steps: str) -> Problems:
    first: dict[str, int] = {}
    for index, definition in enumerate(definitions):
        function = definition
        inner: tuple[str | int, ...] = (*steps, index)
        if steps[-1] == "tools" and isinstance(definition, dict):
            if isinstance(definition.get("type"), str) and definition["type"] != "function":
                continue
            function, inner = definition.get("function"), (*inner, "function")
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name.strip():
            yield _refuse_shape(function, f"invalid_{steps[-1]}", *inner)
            continue
        if first.setdefault(name, index) != index:
            detail = f"the function {show(name)} is declared twice, first in place {first[name] + 1}. Keep one of them."
            yield Problem(point(*inner, "name"), "repeated_tool", detail)
        yield from _check_parameters(function, name, f"invalid_{steps[-1]}", *inner)


def _refuse_shape(function: object, code: str, *steps: str | int) -> Problem:
    if not isinstance(function, dict):
        given = "is missing" if function is None else f"is {name_type(function)}"
        detail = f"the definition of the function {given}. Write an object with a 'name'."
        return Problem(point(*steps), code, detail)
    name = function.get("name")
    given = "has no 'name'" if name is None else f"has the name {show(name)}"
    detail = f"the function {given}. Give a string that is not empty."
    return Problem(point(*steps, "name"), code, detail)


def _check_parameters(function: dict[str, object], name: str, code: str, *steps: str | int) -> Problems:
    """Whether the parameters are a JSON Schema of an object, or left out."""
    parameters, at = function.get("parameters"), point(*steps, "parameters")
    of = f"the parameters of the function {show(name)}"
    if parameters is None:
        return
    if not isinstance(parameters, dict):
        detail = f"{of} are {name_type(parameters)}. Write a JSON Schema of type object."
        yield Problem(at, code, detail)
        return
    kind = parameters.get("type", "object")
    if kind != "object":
        detail = f"{of} are of type {show(kind)}, but arguments come by name. Write type 'object' with 'properties'."
        yield Problem(f"{at}/type", code, detail)
    properties, required = parameters.get("properties"), parameters.get("required")
    if properties is not None and not isinstance(properties, dict):
        detail = f"'properties' in {of} is {name_type(properties)}. Write an object of schemas by name."
        yield Problem(f"{at}/properties", code, detail)
    if required is not None and not (isinstance(required, list) and all(isinstance(one, str) for one in required)):
        detail = f"'required' in {of} is {show(required)}. Write an array of names."
        yield Problem(f"{at}/required", code, detail)
