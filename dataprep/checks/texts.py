"""The texts of an example of any kind, each with its place; whether the example is sound is checked elsewhere."""

from collections.abc import Iterator, Sequence

from dataprep.checks.phrasing import Turn
from dataprep.checks.report import Kind
from dataprep.checks.shapes import PlainMessage
from dataprep.checks.wording import point


def turns_of_clean(messages: Sequence[PlainMessage]) -> list[Turn]:
    """The texts of a clean chat."""
    return [
        Turn(message.role, message.content, f"/messages/{at}/content", message.weight != 0)
        for at, message in enumerate(messages)
    ]


def turns_of(example: dict[str, object], kind: Kind) -> list[Turn]:
    """The texts of a decoded example, in order; what is no text is passed over."""
    if kind == "completion":
        pairs = (("user", "prompt"), ("assistant", "completion"))
        return [Turn(role, str(example.get(key, "")), point(key), True) for role, key in pairs]
    if kind == "preference":
        given = example.get("input")
        asked = _read(given.get("messages") if isinstance(given, dict) else None, "input", "messages")
        # What was answered before is context: the two outputs alone are compared.
        turns = [turn._replace(learned=False) for turn in asked]
        for key in ("preferred_output", "preferred_completion"):
            turns += _read(example.get(key), key)
        return turns
    return list(_read(example.get("messages"), "messages"))


def texts_beside(example: dict[str, object]) -> Iterator[Turn]:
    """What goes along without being a turn: answers that are not preferred, arguments of calls, references."""
    for key in ("non_preferred_output", "non_preferred_completion"):
        yield from (turn._replace(learned=False) for turn in _read(example.get(key), key))
    messages = example.get("messages")
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            function = call.get("function") if isinstance(call, dict) else None
            arguments = function.get("arguments") if isinstance(function, dict) else None
            if isinstance(arguments, str):
                pointer = point("messages", at, "tool_calls", number, "function", "arguments")
                yield Turn("arguments", arguments, pointer, learned=False)
    for key, value in example.items():
        if isinstance(value, str) and key not in ("prompt", "completion"):
            yield Turn("reference", value, point(key), learned=False)


def _read(messages: object, *steps: str) -> Iterator[Turn]:
    shown = 0
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            continue
        role, learned = str(message.get("role")), message.get("weight") != 0
        content, name = message.get("content"), message.get("name")
        named = name if isinstance(name, str) else ""
        if isinstance(content, str):
            yield Turn(role, content, point(*steps, at, "content"), learned, named, shown)
        parts = content if isinstance(content, list) else []
        wordless = [part for part in parts if not _has_text(part)]
        shown = hash((shown, repr(wordless))) if wordless else shown
        for index, part in enumerate(parts):
            if _has_text(part):
                pointer = point(*steps, at, "content", index, "text")
                yield Turn(role, part["text"], pointer, learned, named, shown)


def _has_text(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)
