"""What can be chosen when chats become training data, with help texts and WeClone's names; it converts nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from dataprep.conversion.kinds import RULES, Rules, WrongRule, read_rules, take_only
from dataprep.decoding import ENCODINGS, is_encoding

TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
# The names that WeClone's users know.
ALIASES = MappingProxyType(
    {
        "single_combine_time_window": "merge_gap",
        "qa_match_time_window": "reply_gap",
        "combine_msg_max_length": "max_turn_length",
        "messages_max_length": "max_length",
    }
)


class WrongOption(ValueError):
    """An option that does not exist or cannot have this value; the message says so, `name` which it is."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def option(default: Any, help: str, *, least: float = 0, most: float = math.inf) -> Any:
    """Declare one option: its default, what it does, and the bounds of a number."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Options:
    """How to convert; gaps are minutes, lengths characters. WeClone's names are these or those in ALIASES."""

    me: tuple[str, ...] = option((), "Name or id of the sender who becomes the assistant; may be given several times.")
    format: str = option("", "Read the input as this format instead of recognising it.")
    encoding: str = option("", "Read the input in this encoding, such as gb18030, instead of guessing it.")
    session_gap: float = option(30.0, "Minutes of silence after which a new conversation begins.")
    merge_gap: float = option(
        5.0,
        "Minutes within which lines of one side are one turn, the reply gap unless given; of two questions further"
        " apart the later is answered.",
    )
    reply_gap: float = option(5.0, "Minutes within which an answer belongs to the question before it.")
    max_length: int = option(
        2048,
        "Longest example of a chat in characters; a longer talk becomes several. Sheets and training files stay whole.",
        least=1,
    )
    max_tokens: int = option(0, "Longest example in tokens (o200k_base) instead of characters; 0: count characters.")
    max_turn_length: int = option(2048, "Longest turn in characters; a longer answer is left out, never cut.", least=1)
    context: int = option(2, "Exchanges repeated before the next part of a long conversation, not trained again.")
    blocked_words: tuple[str, ...] = option((), "Leave out messages with one of these words; comma or several times.")
    include_type: tuple[str, ...] = option(
        (), "Take only these kinds of message, such as text (replies too), voice, image; comma or several times."
    )
    rules: tuple[str, ...] = option(
        (), "What becomes of a kind of message: image=drop, sticker:assistant=placeholder; comma or several times."
    )
    only_addressed: bool = option(False, "Train only answers that quote a message or were asked for with @name.")
    system: str = option("", "System message to put before every example that has none.")
    add_time: bool = option(False, "Say in the system message when an example of a chat began, by the export's clock.")
    mask: bool = option(True, "Replace phone numbers, addresses, ids, keys by placeholders.")
    valid_share: float = option(0.0, "Share of the examples to set aside for validation, 0 to 0.5.", most=0.5)

    def policies(self) -> Rules:
        """The table of rules for kinds, with the changes asked for."""
        rules = RULES
        for name, change in (("include_type", take_only), ("rules", read_rules)):
            try:
                rules = change(rules, getattr(self, name))
            except WrongRule as wrong:
                raise WrongOption(name, str(wrong)) from None
        return rules


def read_options(given: Mapping[str, Sequence[str]]) -> Options:
    """Return the options in these texts, the last of which counts; raises WrongOption."""
    known = {one.name: one for one in fields(Options)}
    values: dict[str, Any] = {}
    for name, texts in given.items():
        one = known.get(ALIASES.get(name, name))
        if one is None:
            raise WrongOption(name, f"Unknown option '{name}'. Known: {', '.join([*known, *ALIASES])}.")
        filled = [text for text in texts if text.strip()]
        if filled:
            values[one.name] = _read(name, filled, one.default, one.metadata)
    # Lines are merged as long as an answer may wait, unless somebody says otherwise (decision 0009).
    options = Options(**{"merge_gap": values.get("reply_gap", Options().merge_gap), **values})
    options.policies()
    if options.encoding and not is_encoding(options.encoding):
        shown = options.encoding[:80]
        raise WrongOption("encoding", f"'encoding' is '{shown}', but must be one that is known: {ENCODINGS}.")
    return options


def _read(name: str, texts: list[str], default: Any, facts: Mapping[str, Any]) -> Any:
    if isinstance(default, tuple):
        return _read_list(texts, apart=name != "me")
    text = texts[-1].strip()
    if isinstance(default, bool):
        return _read_switch(name, text)
    if isinstance(default, str):
        return texts[-1] if name == "system" else text
    return _read_number(name, text, type(default), facts)


def _read_list(texts: list[str], *, apart: bool) -> tuple[str, ...]:
    parts = [part for text in texts for part in (text.replace("，", ",").split(",") if apart else [text])]
    return tuple(part.strip() for part in parts if part.strip())


def _read_switch(name: str, text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise WrongOption(name, f"'{name}' is '{text[:80]}', but must be true or false.")
    return text.lower() in TRUE


def _read_number(name: str, text: str, kind: type, facts: Mapping[str, Any]) -> Any:
    word = {int: "a whole number", float: "a number"}[kind]
    try:
        value = kind(text)
    except ValueError:
        raise WrongOption(name, f"'{name}' is '{text[:80]}', but must be {word}. {facts['help']}") from None
    if not facts["least"] <= value <= facts["most"] or not math.isfinite(value):
        bounds = f"at least {facts['least']:g}"
        bounds += "" if math.isinf(facts["most"]) else f" and at most {facts['most']:g}"
        raise WrongOption(name, f"'{name}' is '{text[:80]}', but must be {bounds}. {facts['help']}")
    return value
