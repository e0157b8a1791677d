"""What becomes of each kind of message, on each side: one table; it reads no files and builds no turns."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from dataprep.checks.silence import stands_for_media
from dataprep.records import Kind

Side = Literal["user", "assistant"]
# keep: its words, where it has any; drop: as if it were not there; placeholder: a word for it; cut: the talk ends here.
Policy = Literal["keep", "drop", "placeholder", "cut"]
Rules = Mapping[tuple[Kind, Side], Policy]
POLICIES: tuple[Policy, ...] = ("keep", "drop", "placeholder", "cut")
SIDES: tuple[Side, ...] = ("user", "assistant")

# One's own picture or money order is no answer in words: what was said after it may lean on it.
_TABLE: dict[Kind, tuple[Policy, Policy]] = {
    Kind.TEXT: ("keep", "keep"),
    Kind.REPLY: ("keep", "keep"),
    Kind.VOICE: ("keep", "keep"),
    Kind.FILE: ("keep", "keep"),
    Kind.LINK: ("keep", "keep"),
    Kind.IMAGE: ("placeholder", "cut"),
    Kind.VIDEO: ("placeholder", "cut"),
    Kind.STICKER: ("placeholder", "cut"),
    Kind.LOCATION: ("placeholder", "cut"),
    Kind.SHARE: ("placeholder", "cut"),
    Kind.FORWARD: ("placeholder", "cut"),
    Kind.CARD: ("placeholder", "cut"),
    Kind.RED_PACKET: ("drop", "drop"),
    Kind.TRANSFER: ("drop", "drop"),
    Kind.CALL: ("drop", "drop"),
    Kind.PAT: ("drop", "drop"),
    Kind.SYSTEM: ("drop", "drop"),
    Kind.RECALL: ("drop", "drop"),
    Kind.OTHER: ("drop", "cut"),
}
# Of a kind that is not to be taken. An answer of it cannot just be missing: the next would seem to be the answer.
_NOT_TAKEN: dict[Side, Policy] = {"user": "drop", "assistant": "cut"}
# Their text is what somebody wrote beneath.
CAPTIONED = (Kind.IMAGE, Kind.VIDEO)
# The program's own words, which nobody answers.
NOTICES = (Kind.PAT, Kind.SYSTEM, Kind.RECALL)
RULES: Rules = {(kind, side): _TABLE[kind][at] for kind in Kind for at, side in enumerate(SIDES)}

_WORDS = {
    Kind.IMAGE: ("[image]", "[图片]"),
    Kind.VOICE: ("[voice message]", "[语音]"),
    Kind.VIDEO: ("[video]", "[视频]"),
    Kind.FILE: ("[file]", "[文件]"),
    Kind.STICKER: ("[sticker]", "[表情]"),
    Kind.LINK: ("[link]", "[链接]"),
    Kind.LOCATION: ("[location]", "[位置]"),
    Kind.RED_PACKET: ("[red packet]", "[红包]"),
    Kind.TRANSFER: ("[transfer]", "[转账]"),
    Kind.CALL: ("[call]", "[通话]"),
    Kind.SHARE: ("[shared card]", "[分享]"),
    Kind.FORWARD: ("[forwarded chat]", "[聊天记录]"),
    Kind.CARD: ("[contact]", "[名片]"),
}
# What exporters write where there are no words; `[捂脸]` and its like are words.
_NO_WORDS = re.compile(
    r"[\[【]?(?:图片|语音|语音消息|视频|表情|表情包|动画表情|文件|链接|位置|转账|红包|名片|通话|聊天记录"
    r"|image|photo|video|voice message|sticker|file)[\]】]"
)


class WrongRule(ValueError):
    """A rule for a kind that cannot be read; the message says why."""


def take_only(rules: Rules, names: Sequence[str]) -> Rules:
    """Return the table without the kinds that are not named, or all of it for no name; raises WrongRule."""
    known = {kind.name.lower() for kind in Kind}
    # As it is written in WeClone's settings, too: a list in brackets, with quotation marks.
    taken = {name.lower().strip("[]\"' ") for name in names}
    if taken - known:
        kinds = ", ".join(kind.name.lower() for kind in Kind)
        raise WrongRule(f"'{min(taken - known)[:80]}' is no kind of message. Known: {kinds}.")
    if not taken:
        return rules
    # A reply is text that says what it answers.
    taken |= {"reply"} if "text" in taken else set()
    return {
        (kind, side): policy if policy == "drop" or kind.name.lower() in taken else _NOT_TAKEN[side]
        for (kind, side), policy in rules.items()
    }


def read_rules(rules: Rules, changes: Sequence[str]) -> Rules:
    """Return the table with changes such as `image=drop` or `sticker:assistant=keep`; raises WrongRule."""
    changed = dict(rules)
    for change in changes:
        target, _, policy = change.lower().partition("=")
        name, _, side = target.partition(":")
        kind = next((kind for kind in Kind if kind.name.lower() == name.strip()), None)
        chosen = next((known for known in POLICIES if known == policy.strip()), None)
        if kind is None or chosen is None or side.strip() not in ("", *SIDES):
            kinds = ", ".join(kind.name.lower() for kind in Kind)
            raise WrongRule(
                f"'{change[:80]}' is no rule. Write KIND=POLICY or KIND:SIDE=POLICY with a kind of {kinds};"
                f" a side of {', '.join(SIDES)}; a policy of {', '.join(POLICIES)}."
            )
        changed.update({(kind, one): chosen for one in SIDES if side.strip() in ("", one)})
    return changed


def decide(kind: Kind, side: Side, text: str, rules: Rules) -> Policy:
    """Return what is to become of one message; of words that are not there, keeping makes a placeholder or a cut."""
    policy = rules[kind, side]
    if policy == "keep" and side == "assistant" and stands_for_media(text) == "error":
        return "cut"
    if policy != "keep" or (text and not is_placeholder(text)):
        return policy
    if side == "assistant":
        return "cut"
    return "placeholder" if kind in _WORDS else "drop"


def placeholder(kind: Kind, *, chinese: bool) -> str:
    """Return the word that stands for a message without words."""
    return _WORDS.get(kind, ("[message]", "[消息]"))[chinese]


def has_caption(kind: Kind, text: str) -> bool:
    """Whether the text of a message is what somebody wrote beneath a picture."""
    return kind in CAPTIONED and bool(text) and not is_placeholder(text)


def is_placeholder(text: str) -> bool:
    """Whether a text only says what kind of message stood there."""
    return _NO_WORDS.fullmatch(text.strip()) is not None
