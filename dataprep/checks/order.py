"""The rules for who speaks when, as the target has them; what each message holds is in `messages`."""

from collections.abc import Sequence

from dataprep.checks.profiles import Profile
from dataprep.checks.report import Problem, Problems
from dataprep.checks.wording import point

_INSTRUCTIONS = ("system", "developer")


def check_order(messages: Sequence[dict[str, object]], profile: Profile, *steps: str) -> Problems:
    """All breaches of order in a list of sound messages; who closes it is told by `check_trainable`."""
    before, opened = "", False
    for index, message in enumerate(messages):
        role = _turn_of(message, profile)
        at = point(*steps, index, "role")
        if role in _INSTRUCTIONS:
            yield from _check_instruction(index, role, profile, at)
            continue
        if not opened:
            opened = True
            yield from _check_opening(role, profile, at)
        elif role == before and role in ("user", "assistant"):
            yield from _refuse_repetition(messages[index - 1], message, profile, at)
        before = role


def may_join(first: dict[str, object], second: dict[str, object]) -> bool:
    """Whether two messages in a row are one speaker's plain words, so that nothing is lost in one of both."""
    plain = all(
        one.keys() <= {"role", "content", "weight"} and isinstance(one.get("content"), str) for one in (first, second)
    )
    same = first.get("role") == second.get("role") and first.get("weight") == second.get("weight")
    return plain and same and first.get("role") in ("user", "assistant")


def check_trainable(messages: Sequence[dict[str, object]], profile: Profile) -> Problems:
    """Whether there is an assistant message to learn from, and whether the last one is the assistant's."""
    answers = [message for message in messages if _turn_of(message, profile) == "assistant"]
    if not answers:
        detail = "no message has the role assistant, so there is nothing to learn. Add the answer to be taught."
        yield Problem("/messages", "no_assistant_message", detail)
    elif all(answer.get("weight") == 0 for answer in answers):
        detail = "every assistant message has weight 0, so there is nothing to learn. Give one weight 1."
        yield Problem("/messages", "no_trainable_message", detail)
    elif messages[-1] is not answers[-1] and profile.closing is not None:
        detail = (
            f"the last message is of role {messages[-1].get('role')}, not the assistant's; what follows its last"
            " answer is not learned. Cut it off."
        )
        at = point("messages", len(messages) - 1)
        fix = "drop_trailing_messages" if profile.closing == "error" else None
        yield Problem(at, "last_message_not_assistant", detail, profile.closing, fix)


def check_input(messages: Sequence[dict[str, object]], profile: Profile, *steps: str) -> Problems:
    """Whether messages that are to be answered elsewhere leave the word to the assistant, who has not just had it."""
    if messages and messages[-1].get("role") == "assistant" and profile.alternation is not None:
        detail = (
            "the question ends with the assistant's words, and the answer would follow on them. End it with the user's."
        )
        at = point(*steps, len(messages) - 1, "role")
        yield Problem(at, "consecutive_roles", detail, profile.alternation)


def _turn_of(message: dict[str, object], profile: Profile) -> str:
    """Whose turn it is by a message's role."""
    role = str(message.get("role"))
    return profile.roles.get(role, role)


def _check_instruction(index: int, role: str, profile: Profile, at: str) -> Problems:
    if index == 0 or profile.late_system is None:
        return
    detail = f"a {role} message stands in place {index + 1}. Put what it says into one {role} message, the first."
    yield Problem(at, "late_system_message", detail, profile.late_system)


def _check_opening(role: str, profile: Profile, at: str) -> Problems:
    if role == "user" or profile.opening is None:
        return
    detail = f"the talk begins with role {role}. Begin with the user's words, or drop the message."
    yield Problem(at, "first_message_not_user", detail, profile.opening)


def _refuse_repetition(first: dict[str, object], second: dict[str, object], profile: Profile, at: str) -> Problems:
    if profile.alternation is None:
        return
    detail = f"two messages of role {second['role']} in a row. Join them into one."
    fix = "merge_messages" if profile.alternation == "error" and may_join(first, second) else None
    yield Problem(at, "consecutive_roles", detail, profile.alternation, fix)
