"""The rules for one example: of which kind it is and its keys; what stands inside messages is in `messages`."""

from collections.abc import Generator

from dataprep.checks.calls import check_declared
from dataprep.checks.definitions import check_settings
from dataprep.checks.messages import check_messages
from dataprep.checks.order import check_input, check_order, check_trainable
from dataprep.checks.profiles import OPENAI, Profile
from dataprep.checks.report import Kind, Problem, Problems
from dataprep.checks.silence import is_blank
from dataprep.checks.wording import did_you_mean, name_type, point, show
from dataprep.plural import counted

_CHAT_KEYS = ("messages", "tools", "parallel_tool_calls", "functions")
_INPUT_KEYS = ("messages", "tools", "parallel_tool_calls")
# The 2025 specification names the two outputs *_completion; the guide and every implementation, *_output.
_OUTPUTS = (("preferred_output", "preferred_completion"), ("non_preferred_output", "non_preferred_completion"))
_OUTPUT_KEYS = tuple(name for names in _OUTPUTS for name in names)
_PREFERENCE_KEYS = ("input", *_OUTPUT_KEYS)
_COMPLETION_KEYS = ("prompt", "completion")
# What carries content in one format or another is never thrown away as a stray key.
_TELLING = frozenset(
    {
        *("messages", "tools", "parallel_tool_calls", "functions", "system", "images", "role", "content", "response"),
        *("input", "prompt", "completion", "instruction", "output", "history", "conversations", "question", "answer"),
        *_OUTPUT_KEYS,
    }
)
# What other formats hold their talk in.
_FOREIGN = {
    "conversations": "This looks like ShareGPT",
    "instruction": "This looks like Alpaca",
    "mapping": "This looks like a ChatGPT export",
    "question": "This looks like a table of questions and answers",
}


def recognise(example: dict[str, object], among: Kind | None = None) -> Kind | None:
    """The kind of an example by its keys, and by that of its file where they leave it open; None if they tell none."""
    # Among such, one that does not end with a question is one with a fault.
    signs = (_waits(example), _is_graded(example), among == "reinforcement") if "messages" in example else ()
    if sum(signs) > 1:
        return "reinforcement"
    if is_foreign_pair(example):
        return "preference"
    if "messages" in example:
        return "chat"
    # Alpaca has an 'input' too, beside an 'instruction' and a text.
    asked = isinstance(example.get("input"), dict) and "instruction" not in example
    if asked or any(key in example for key in _OUTPUT_KEYS):
        return "preference"
    if any(key in example for key in _COMPLETION_KEYS):
        return "completion"
    return None


def check_example(example: object, profile: Profile = OPENAI, among: Kind | None = None) -> Problems:
    """All problems of one decoded line; `among` is the kind of the lines before it."""
    if not isinstance(example, dict):
        yield _refuse_value(example)
        return
    kind = recognise(example, among)
    if kind == "chat":
        yield from _check_chat(example, profile)
    elif kind == "reinforcement":
        yield from _check_reinforcement(example, profile)
    elif kind == "preference":
        yield from _check_preference(example, profile)
    elif kind == "completion":
        yield from _check_completion(example, profile)
    else:
        yield _miss_messages(example)


def holds_examples(value: object) -> bool:
    """Whether a decoded line is an array that nothing but examples stand in."""
    return isinstance(value, list) and bool(value) and all(map(_is_example, value))


def strays_of(example: dict[str, object]) -> list[str]:
    """The keys of an example that may go without loss: none carries content, or may be one mistyped."""
    return [key for key in example if key not in _TELLING and not did_you_mean(key, sorted(_TELLING))]


def _is_example(value: object) -> bool:
    return isinstance(value, dict) and recognise(value) is not None


def _refuse_value(value: object) -> Problem:
    if isinstance(value, list) and holds_examples(value):
        held = counted(len(value), "example")
        detail = f"the line is an array of {held}. Write each on a line of its own, without [ ] around."
        return Problem("", "not_an_object", detail, fix="array_to_lines")
    detail = f'the line is {name_type(value)}. Write a JSON object, such as {{"messages": [...]}}.'
    return Problem("", "not_an_object", detail)


def _waits(example: dict[str, object]) -> bool:
    """Whether the last message is a question."""
    messages = example["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") in ("user", "developer")


def _is_graded(example: dict[str, object]) -> bool:
    """Whether keys of the graders' own stand beside the messages."""
    own = [key for key in example if key not in _CHAT_KEYS]
    return any(key != "text" and not did_you_mean(key, _CHAT_KEYS) for key in own)


def _miss_messages(example: dict[str, object]) -> Problem:
    found = f" Found instead: {', '.join(show(key) for key in list(example)[:5])}." if example else ""
    hint = next((hint for key in example if (hint := did_you_mean(key, ["messages"]))), "")
    foreign = next((words for key, words in _FOREIGN.items() if key in example), None)
    if foreign is not None and not hint:
        hint = f" {foreign}: convert it first."
    return Problem("", "missing_messages", f"the example has no 'messages'.{found}{hint or ' Give them.'}")


def _check_chat(example: dict[str, object], profile: Profile) -> Problems:
    if "text" in example and profile.name == "together":
        detail = "'text' and 'messages' stand side by side, which together refuses. Keep 'messages'."
        yield Problem("/text", "two_formats", detail, fix="drop_key")
    known = (*_CHAT_KEYS, "system") if profile.system_key else _CHAT_KEYS
    yield from _check_keys(example, known, profile)
    yield from check_settings(example, profile)
    messages = example["messages"]
    sound = yield from _check_messages(messages, profile, "messages")
    if sound and isinstance(messages, list):
        yield from check_order(messages, profile, "messages")
        yield from check_trainable(messages, profile)
        yield from check_declared(messages, example, "messages")


def _check_messages(messages: object, profile: Profile, *steps: str) -> Generator[Problem, None, bool]:
    """All problems of the messages at `steps`; returns whether they are sound enough to look at their order."""
    sound = True
    for problem in check_messages(messages, *steps, profile=profile):
        sound = sound and problem.severity == "warning"
        yield problem
    return sound


def _check_question(holder: dict[str, object], profile: Profile, *steps: str) -> Problems:
    """All problems of messages whose answer stands elsewhere, or is yet to be given."""
    messages = holder["messages"]
    sound = yield from _check_messages(messages, profile, *steps, "messages")
    if sound and isinstance(messages, list):
        for problem in check_order(messages, profile, *steps, "messages"):
            yield problem._replace(fix=None)
        yield from check_input(messages, profile, *steps, "messages")
        yield from check_declared(messages, holder, *steps, "messages")


def _check_reinforcement(example: dict[str, object], profile: Profile) -> Problems:
    yield from check_settings(example, profile)
    waits = _waits(example)
    for problem in _check_question(example, profile):
        if waits or problem.code != "consecutive_roles":
            yield problem
    if example["messages"] and not waits:
        detail = (
            "the question does not end with the user's words, so nothing is asked. Put the expected answer into the"
            " key that the grader compares with, and take it out of 'messages'."
        )
        yield Problem("/messages", "invalid_input", detail)


def is_foreign_pair(example: dict[str, object]) -> bool:
    """Whether it is a preference pair as trl and others write it."""
    return "chosen" in example and "rejected" in example and not any(key in example for key in _OUTPUT_KEYS)


def _check_preference(example: dict[str, object], profile: Profile) -> Problems:
    if is_foreign_pair(example):
        detail = (
            "'chosen' and 'rejected' make a preference pair as other tools write it. Write"
            ' {"input": {"messages": [the prompt]}, "preferred_output": [what is chosen],'
            ' "non_preferred_output": [what is rejected]}, each of them messages with role and content.'
        )
        yield Problem("", "invalid_input", detail)
        return
    yield from _check_keys(example, _PREFERENCE_KEYS, profile)
    given = example.get("input")
    if not isinstance(given, dict) or "messages" not in given:
        told = "lacks 'messages'" if isinstance(given, dict) else f"is {name_type(given)}"
        detail = f"'input' {told}. Give an object with 'messages', to which both outputs answer."
        yield Problem("/input", "invalid_input", detail)
    else:
        yield from _check_keys(given, _INPUT_KEYS, profile, "input")
        yield from check_settings(given, profile, "input")
        yield from _check_question(given, profile, "input")
    keys = [next((name for name in names if name in example), names[0]) for names in _OUTPUTS]
    for key in keys:
        yield from _check_output(example.get(key), key, profile)
        if isinstance(given, dict) and isinstance(outputs := example.get(key), list):
            yield from check_declared(outputs, given, key)
    if keys[1] in example and example.get(keys[0]) == example[keys[1]]:
        detail = (
            f"'{keys[0]}' and '{keys[1]}' are the same, so neither is preferred. Make them differ or drop the line."
        )
        yield Problem(point(keys[1]), "same_outputs", detail, "warning")


def _check_output(output: object, key: str, profile: Profile) -> Problems:
    if not isinstance(output, list) or not output:
        given = f"'{key}' is empty" if output == [] else f"'{key}' is {name_type(output)}, not an array"
        yield Problem(point(key), "invalid_output", f"{given}. Give an array with the assistant's message.")
        return
    for problem in check_messages(output, key, profile=profile):
        yield _tell_silence(problem, key) if problem.code == "empty_content" and key in _OUTPUTS[1] else problem
    if len(output) > 1:
        detail = (
            f"'{key}' holds {len(output)} messages, but one is compared: the assistant's. Put the rest into 'input'."
        )
        yield Problem(point(key), "invalid_output", detail)
        return
    last = output[-1]
    if isinstance(last, dict) and profile.weight is None and _is_weight(last.get("weight")):
        detail = f"'weight' does nothing in '{key}': both outputs are compared, whatever it is. Remove it."
        yield Problem(point(key, 0, "weight"), "weight_ignored", detail, "warning")
    if isinstance(last, dict) and last.get("role") in ("system", "user", "tool", "function", "developer"):
        detail = f"the last message of '{key}' is of role {last['role']}. Give the assistant's there."
        yield Problem(point(key, len(output) - 1, "role"), "invalid_output", detail)


def _tell_silence(problem: Problem, key: str) -> Problem:
    """Of an empty answer that is not taught, only compared with."""
    detail = f"the message in '{key}' is empty: beside it any answer will do. Give one that might be given, but worse."
    return problem._replace(detail=detail, severity="warning")


def _is_weight(value: object) -> bool:
    return value in (0, 1) and not isinstance(value, bool)


def _check_completion(example: dict[str, object], profile: Profile) -> Problems:
    yield from _check_keys(example, _COMPLETION_KEYS, profile)
    for key in _COMPLETION_KEYS:
        if key not in example:
            yield Problem("", f"missing_{key}", f"the prompt/completion pair has no '{key}'. Give it, a string.")
        elif not isinstance(example[key], str):
            detail = f"'{key}' is {name_type(example[key])}. Write a string."
            yield Problem(point(key), f"invalid_{key}", detail)
    answer = example.get("completion")
    if isinstance(answer, str) and is_blank(answer):
        detail = "the completion is empty, which teaches silence. Give an answer or drop the example."
        yield Problem("/completion", "empty_content", detail)


def _check_keys(holder: dict[str, object], known: tuple[str, ...], profile: Profile, *steps: str) -> Problems:
    strays = strays_of(holder) if holder.keys() - known else []
    for key in holder:
        if key not in known:
            detail = f"unknown key {show(key)} beside '{known[0]}'. Known are {', '.join(known)}."
            detail += did_you_mean(key, known) or " Remove it."
            fix = "drop_key" if key in strays else None
            yield Problem(point(*steps, key), "unknown_key", detail, profile.extra_keys, fix)
