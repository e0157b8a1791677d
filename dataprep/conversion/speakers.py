"""Finds out who is to be the assistant: from the data, or by the name one was given; otherwise it asks."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dataprep.checks.wording import show
from dataprep.conversion.cleaning import clean
from dataprep.plural import counted
from dataprep.records import Message

MAX_LISTED = 30


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who may be the assistant; `messages` is how many they sent."""

    name: str
    id: str
    messages: int

    def __str__(self) -> str:
        named = f"{self.name} ({self.id})" if self.id and self.id != self.name else self.name
        return f"{named}: {counted(self.messages, 'message')}"


@dataclass(frozen=True, slots=True)
class Share:
    """What one speaker has in the examples: `used` of so many `messages`; `role` is the side they are on."""

    name: str
    role: str
    messages: int
    used: int


class NeedsMe(Exception):
    """The data do not say who is to be the assistant; `senders` are those to choose from, the most active first."""

    def __init__(self, senders: Sequence[Sender], why: str, wanted: str = "one of these names or ids") -> None:
        self.senders = tuple(senders)
        listed = "; ".join(str(sender) for sender in self.senders[:MAX_LISTED])
        more = len(self.senders) - MAX_LISTED
        listed += f"; and {more} more" if more > 0 else ""
        super().__init__(f"{why} Give 'me' as {wanted}: {listed or 'there is no sender at all'}.")


def find_self(chats: Iterable[Sequence[Message]], me: Sequence[str]) -> set[int] | None:
    """Return the numbers of the chats in which `me` speaks, None without `me`.

    Raises NeedsMe where the data do not tell, or where one of `me` is nobody in any chat or several in one.
    """
    wanted = {_fold(name): name for name in me}
    everybody: Counter[tuple[str, str]] = Counter()
    unknown: Counter[tuple[str, str]] = Counter()
    present, missing = set[int](), set(wanted)
    for number, messages in enumerate(chats):
        senders = Counter((message.sender_name, message.sender_id) for message in messages if message.sender_id)
        everybody.update(senders)
        here = {_fold(text) for names in senders for text in names} & wanted.keys()
        if here:
            present.add(number)
            missing -= here
            for name in here:
                _refuse_namesakes(senders, wanted[name])
        elif senders and not _is_told(messages):
            unknown.update(senders)
    if missing and everybody:
        nobody = " or ".join(show(name) for folded, name in wanted.items() if folded in missing)
        raise NeedsMe(_listed(everybody), f"Nobody is called {nobody}.")
    if unknown and not wanted:
        raise NeedsMe(_listed(unknown), "The data do not say which sender is you, whose answers are to be learned.")
    return present if wanted else None


def _refuse_namesakes(senders: Counter[tuple[str, str]], wanted: str) -> None:
    """Raise NeedsMe where more than one sender of a chat has the name, unless it is an id as well."""
    folded = _fold(wanted)
    called = Counter({(name, sender): count for (name, sender), count in senders.items() if _fold(name) == folded})
    ids = {sender for _, sender in called}
    if len(ids) > 1 and all(_fold(sender) != folded for _, sender in senders):
        raise NeedsMe(_listed(called), f"{len(ids)} senders are called {show(wanted)} in one chat.", "one of these ids")


def tell_own(messages: Sequence[Message], me: Sequence[str], *, named: bool) -> Callable[[Message], bool]:
    """Return what tells the assistant's messages of a chat; `named`: `me` speaks there, by id, or else by name."""
    if not named:
        return lambda message: message.is_self is True and bool(message.sender_id)
    wanted = {_fold(name) for name in me}
    names = wanted - {_fold(sender) for sender in {message.sender_id for message in messages}}
    return lambda message: _fold(message.sender_name) in names or _fold(message.sender_id) in wanted


def shares_of(
    talks: Iterable[tuple[Sequence[Message], Callable[[Message], bool]]],
    is_used: Callable[[Message], bool],
    mask: Callable[[str], str],
) -> list[Share]:
    """Return what each speaker said and has in the examples, the most heard first; chats come with who is their own."""
    said, used = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for messages, own in talks:
        for message in messages:
            if message.sender_id:
                key = message.sender_name or message.sender_id, "assistant" if own(message) else "user"
                said[key] += 1
                used[key] += is_used(message)
    ordered = sorted(said, key=lambda key: (-used[key], -said[key], key))
    return [Share(mask(clean(key[0])), key[1], said[key], used[key]) for key in ordered[:MAX_LISTED]]


def _is_told(messages: Sequence[Message]) -> bool:
    return any(message.is_self is not None for message in messages if message.sender_id)


def _listed(senders: Counter[tuple[str, str]]) -> list[Sender]:
    return [
        Sender(clean(name or sender_id), clean(sender_id), count) for (name, sender_id), count in senders.most_common()
    ]


def _fold(text: str) -> str:
    return clean(text).casefold()
