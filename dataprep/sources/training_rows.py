"""One row of training data, of whatever layout, as chat messages; it reads no files and leaves the words alone."""

import json
import re
from typing import Any

from dataprep.roles import MEANT, plain_role
from dataprep.sources.walks import BrokenRow

Messages = tuple[dict[str, Any], ...]
Extra = tuple[tuple[str, Any], ...]

# ShareGPT has a role for what a message of the assistant's holds on the wire.
_ROLES = {**MEANT, "function_call": "function_call"}
# What may stand in a message on the wire; anything else (times, ids) was for the program that wrote the file.
_KEPT_KEYS = ("name", "tool_calls", "tool_call_id", "function_call", "refusal")
_ROW_KEYS = ("tools", "parallel_tool_calls", "functions")
_TURN_LISTS = ("messages", "conversations", "conversation")
_READ_ROW_KEYS = frozenset(
    {*_TURN_LISTS, *_ROW_KEYS, "system", "instruction", "input", "output", "history", "prompt", "completion"}
)
_READ_TURN_KEYS = frozenset({"role", "from", "content", "value", "weight", *_KEPT_KEYS})
# The marks that OpenAI's old guide put between prompt and completion, and at the end.
_SEPARATOR = re.compile(r"\s*(?:\n\n###\n\n|\n\n->|\n\n===\n\n)\s*$| ->$")
_STOP_MARK = re.compile(r"\s*(?:END|###|<\|endoftext\|>)\s*$")


class NothingToLearn(ValueError):
    """The row is in order, but a side of it is empty; `reason` is `no_answer`, `no_question` or `blank`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def dialogue_of(row: object) -> tuple[Messages, Extra]:
    """Return a row's messages, and what stands beside them (tools); raises BrokenRow or NothingToLearn."""
    if not isinstance(row, dict):
        raise BrokenRow("an example is an object in braces")
    if "messages" in row:
        messages = _from_turns(row["messages"], "messages")
    elif "conversations" in row or "conversation" in row:
        messages = _from_turns(row.get("conversations", row.get("conversation")), "conversations")
    elif "instruction" in row or "output" in row:
        messages = _from_alpaca(row)
    elif "prompt" in row and "completion" in row:
        messages = _from_completion(row["prompt"], row["completion"])
    else:
        raise BrokenRow("it has neither messages, conversations, instruction and output, nor prompt and completion")
    system = row.get("system")
    if isinstance(system, str) and system.strip() and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    _refuse_without_answer(messages)
    extra = (
        (key, _tools(row[key]) if key == "tools" else row[key]) for key in _ROW_KEYS if row.get(key) not in (None, "")
    )
    return tuple(messages), tuple(extra)


def taken_out_of(row: object) -> tuple[str, ...]:
    """Name the keys of a row and of its messages that `dialogue_of` does not take over."""
    given = row if isinstance(row, dict) else {}
    names = {f"key {key!r:.60}" for key in given if key not in _READ_ROW_KEYS}
    turns = (turn for key in _TURN_LISTS if isinstance(given.get(key), list) for turn in given[key])
    for turn in turns:
        if isinstance(turn, dict):
            names |= {f"key {key!r:.60} of messages" for key in turn if key not in _READ_TURN_KEYS}
            role = _role_of(turn)
            if turn.get("weight") is not None and role != "assistant":
                names.add(f"key 'weight' of {role} messages")
    return tuple(sorted(names))


def _role_of(turn: dict[str, Any]) -> str | None:
    spoken = turn.get("role", turn.get("from"))
    return _ROLES.get(plain_role(spoken)) if isinstance(spoken, str) else None


def _from_turns(turns: object, key: str) -> list[dict[str, Any]]:
    if not isinstance(turns, list):
        raise BrokenRow(f"{key} is not a list")
    if not turns:
        raise NothingToLearn("blank", f"{key} is empty")
    messages: list[dict[str, Any]] = []
    calls: list[str] = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            raise BrokenRow(f"{key}, turn {number} is not an object")
        messages.append(_from_turn(turn, number, calls))
    return messages


def _from_turn(turn: dict[str, Any], number: int, calls: list[str]) -> dict[str, Any]:
    """One turn as a message; `calls` holds the ids of ShareGPT's calls that still wait for what a tool replied."""
    role = _role_of(turn)
    if role is None:
        spoken = turn.get("role", turn.get("from"))
        raise BrokenRow(f"turn {number}: role {spoken!r:.60} is not one of system, user, assistant, tool")
    content = turn.get("content", turn.get("value"))
    if content is not None and not isinstance(content, str | list):
        raise BrokenRow(f"turn {number}: its content is not text")
    if role == "function_call":
        return {"role": "assistant", "content": None, "tool_calls": _calls(content, number, calls)}
    message: dict[str, Any] = {"role": role, "content": content}
    message |= {kept: turn[kept] for kept in _KEPT_KEYS if turn.get(kept) is not None}
    if role == "tool" and "tool_call_id" not in message and calls:
        message["tool_call_id"] = calls.pop(0)
    if role == "assistant" and turn.get("weight") is not None:
        message["weight"] = _weight(turn["weight"], number)
    return message


def _weight(weight: object, number: int) -> int:
    if isinstance(weight, bool) or weight not in (0, 1):
        raise BrokenRow(f"turn {number}: weight {weight!r:.60} is not 0 or 1")
    return 1 if weight == 1 else 0


def _calls(content: object, number: int, calls: list[str]) -> list[dict[str, Any]]:
    """ShareGPT's function_call, a JSON text of one call or of several, as the wire has it."""
    try:
        value = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        value = None
    listed = value if isinstance(value, list) else [value]
    made: list[dict[str, Any]] = []
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise BrokenRow(f"turn {number}: the function call is not JSON with name and arguments")
        arguments = one.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        calls.append(f"call_{number}_{len(made) + 1}")
        made.append({"id": calls[-1], "type": "function", "function": {"name": one["name"], "arguments": text}})
    return made


def _tools(tools: object) -> object:
    """Tools as the wire has them; ShareGPT writes them as JSON in a text, and a function bare."""
    try:
        value = json.loads(tools) if isinstance(tools, str) else tools
    except (ValueError, RecursionError):
        raise BrokenRow("tools is not JSON") from None
    if not isinstance(value, list):
        raise BrokenRow("tools is not a list")
    return [{"type": "function", "function": one} if _is_bare_function(one) else one for one in value]


def _is_bare_function(tool: object) -> bool:
    return isinstance(tool, dict) and "name" in tool and "function" not in tool


def _from_alpaca(row: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    history = row.get("history")
    if history is not None and not isinstance(history, list):
        raise BrokenRow("history is not a list")
    for pair in history or []:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise BrokenRow("history holds something else than pairs of question and answer")
        messages += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    sides = [row.get("instruction"), row.get("input"), row.get("output")]
    if not all(side is None or isinstance(side, str) for side in sides):
        raise BrokenRow("instruction, input and output are texts")
    question = "\n".join(side for side in sides[:2] if side and side.strip())
    return [*messages, *_pair(question, sides[2] or "")]


def _from_completion(prompt: object, completion: object) -> list[dict[str, Any]]:
    if isinstance(prompt, list) and isinstance(completion, list):
        return _from_turns([*prompt, *completion], "prompt and completion")
    if not isinstance(prompt, str) or not isinstance(completion, str):
        raise BrokenRow("prompt and completion are not both texts")
    # Only those who followed the old guide begin with a space, and only they end with a mark.
    answer = _STOP_MARK.sub("", completion).strip() if completion[:1].isspace() else completion
    return _pair(_SEPARATOR.sub("", prompt), answer)


def _pair(question: str, answer: str) -> list[dict[str, Any]]:
    if not question.strip():
        raise NothingToLearn("no_question")
    if not answer.strip():
        raise NothingToLearn("no_answer")
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _refuse_without_answer(messages: list[dict[str, Any]]) -> None:
    answers = [(number, one) for number, one in enumerate(messages, 1) if one["role"] == "assistant"]
    for number, answer in answers:
        content = answer["content"]
        empty = not content or (isinstance(content, str) and not content.strip())
        if empty and not any(answer.get(key) for key in ("tool_calls", "function_call", "refusal")):
            raise NothingToLearn("no_answer", f"message {number}, an answer, is empty")
    if all(answer.get("weight") == 0 for _, answer in answers):
        raise NothingToLearn("no_answer", "every answer has weight 0" if answers else "nobody answers")
