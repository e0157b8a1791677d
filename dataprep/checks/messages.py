"""The rules for one list of chat messages: roles, keys, content, weights.

Tools are in `calls`, order in `order`, parts of content in `parts`.
"""

from dataprep.checks.calls import Calls, Steps, check_tools
from dataprep.checks.parts import check_parts
from dataprep.checks.profiles import OPENAI, Profile
from dataprep.checks.report import Problem, Problems
from dataprep.checks.silence import is_blank
from dataprep.checks.wording import did_you_mean, name_type, point, show
from dataprep.roles import MEANT, UNCERTAIN, plain_role

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
# Keys that other tools write beside or instead of role and content.
_FOREIGN = {"from": "role", "value": "content", "text": "content", "speaker": "role"}


def check_messages(messages: object, *steps: str, profile: Profile = OPENAI) -> Problems:
    """All problems of a message list that stands at `steps` in its example, but for the order of roles."""
    if not isinstance(messages, list):
        detail = f"'{steps[-1]}' is {name_type(messages)}. Write an array of messages."
        yield Problem(point(*steps), "invalid_messages", detail)
        return
    if not messages:
        yield Problem(point(*steps), "invalid_messages", f"'{steps[-1]}' is empty. Give at least one message.")
    calls = Calls()
    for index, message in enumerate(messages):
        yield from _check_message(message, calls, profile, (*steps, index))


def _check_message(message: object, calls: Calls, profile: Profile, steps: Steps) -> Problems:
    if not isinstance(message, dict):
        detail = f"a message is {name_type(message)}. Write an object with role and content."
        yield Problem(point(*steps), "invalid_message", detail)
        return
    role = message.get("role")
    if "role" not in message:
        detail = "the message has no 'role'. Give system, user, assistant or tool." + _guess_key(message, "role")
        yield Problem(point(*steps), "missing_role", detail)
    elif isinstance(role, str) and role in profile.roles:
        yield from _check_content(message, role, profile, steps)
    elif not isinstance(role, str) or role not in KEYS:
        yield _refuse_role(message, steps)
    else:
        if role == "function":
            detail = "role function is the old name. Write role 'tool' with the 'tool_call_id' it answers."
            yield Problem(point(*steps, "role"), "legacy_function_role", detail, "warning")
        yield from _check_keys(message, role, profile, steps)
        yield from _check_content(message, role, profile, steps)
        yield from _check_weight(message, role, profile, steps)
        yield from check_tools(message, role, calls, steps)


def meant_role(message: dict[str, object]) -> str | None:
    """The role that is certainly meant by one that is none; None if there is no telling."""
    role = message.get("role")
    meant = _synonym(role)
    if meant is None or plain_role(str(role)) in UNCERTAIN:
        return None
    # A tool's message without its call is no better than an observation.
    return None if meant == "tool" and "tool_call_id" not in message else meant


def _synonym(role: object) -> str | None:
    return MEANT.get(plain_role(role)) if isinstance(role, str) and role not in KEYS else None


def strays_of_message(message: dict[str, object], role: str) -> list[str]:
    """The keys that may go without loss: nobody knows them, and none may be a known one mistyped."""
    if message.get("content") is None and not message.get("tool_calls"):
        return []
    missing = sorted(KEYS[role] - message.keys())
    strays = [key for key in message if key not in KEYS[role] and key not in ("weight", "content", "tool_calls")]
    return [key for key in strays if not did_you_mean(key, missing)]


def _refuse_role(message: dict[str, object], steps: Steps) -> Problem:
    role = message.get("role")
    meant = _synonym(role)
    hint = f" Did you mean '{meant}'?" if meant else did_you_mean(role, KEYS)
    detail = f"role {show(role)} is not known. Write one of {', '.join(ROLES)}.{hint}"
    return Problem(point(*steps, "role"), "unknown_role", detail, fix="rename_role" if meant_role(message) else None)


def _guess_key(message: dict[str, object], wanted: str) -> str:
    for key in message:
        if key != wanted and (_FOREIGN.get(key) == wanted or did_you_mean(key, [wanted])):
            return f" Is {show(key)} meant to be '{wanted}'?"
    return ""


def _check_keys(message: dict[str, object], role: str, profile: Profile, steps: Steps) -> Problems:
    unknown = [key for key in message if key not in KEYS[role] and key != "weight"]
    strays = set(strays_of_message(message, role)) if unknown else set()
    for key in unknown:
        allowed = sorted(KEYS[role])
        detail = f"unknown key {show(key)} in a message of role {role}. Known are {', '.join(allowed)}."
        detail += did_you_mean(key, allowed) or " Remove it."
        fix = "drop_key" if key in strays else None
        yield Problem(point(*steps, key), "unknown_key", detail, profile.extra_keys, fix)
    name = message.get("name")
    if name is not None and not isinstance(name, str):
        yield Problem(point(*steps, "name"), "invalid_name", f"'name' is {name_type(name)}. Write a string.")


def _check_content(message: dict[str, object], role: str, profile: Profile, steps: Steps) -> Problems:
    content = message.get("content")
    at = point(*steps, "content")
    if isinstance(content, str):
        yield from _check_text(message, content, role, at)
    elif isinstance(content, list):
        yield from check_parts(content, role, profile, *steps, "content")
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        if texts and all(isinstance(text, str) for text in texts) and is_blank("".join(map(str, texts))):
            yield from _check_text(message, "", role, at)
    elif content is not None:
        detail = f"'content' is {name_type(content)}. Write a string or an array of parts."
        yield Problem(at, "invalid_content", detail)
    elif not _may_be_silent(message, role):
        told = "has null as" if "content" in message else "has no"
        detail = f"the {role} message {told} 'content'. Give its text." + _guess_key(message, "content")
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
        yield Problem(at, "empty_content", f"the {role} message is empty. Give its text or drop it.", "warning")


def _check_weight(message: dict[str, object], role: str, profile: Profile, steps: Steps) -> Problems:
    if "weight" not in message:
        return
    weight = message["weight"]
    at = point(*steps, "weight")
    if role != "assistant":
        detail = f"'weight' belongs to assistant messages only, this one is of role {role}. Remove it."
        yield Problem(at, "misplaced_weight", detail, fix="drop_weight")
    elif weight is not None and (isinstance(weight, bool) or weight not in (0, 1)):
        detail = f"weight {show(weight)} is neither 0 nor 1. Write 1 to train the answer, 0 to leave it out."
        yield Problem(at, "invalid_weight", detail)
    elif profile.weight is not None and weight is not None:
        detail = f"{profile.name} does not know 'weight': every answer is trained, weight {show(weight)} or not."
        yield Problem(at, "weight_ignored", detail, profile.weight, "drop_weight")
