"""Sorts messages into chats and chats into sessions by their silences; who speaks for whom is not known here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dataprep.conversion.ledger import Ledger
from dataprep.records import Message


@dataclass
class Chat:
    """All messages of one chat, from however many files; `messages` are in the order of time once it is sorted."""

    key: tuple[str, str]
    messages: list[Message] = field(default_factory=list)

    @cached_property
    def name(self) -> str:
        """What the chat is called, or its id."""
        return next((message.chat_name for message in self.messages if message.chat_name), self.key[1])

    @cached_property
    def is_group(self) -> bool:
        """Whether any of its messages says so."""
        return any(message.is_group for message in self.messages)


def gather(found: Iterable[tuple[str, Message]]) -> list[Chat]:
    """Return the chats of (format, message) pairs; pages of one chat are one, two formats' chats never are."""
    chats: dict[tuple[str, str], Chat] = {}
    for source, message in found:
        key = source, message.chat_id or message.place.file
        chats.setdefault(key, Chat(key)).messages.append(message)
    return list(chats.values())


def sort(chat: Chat, ledger: Ledger) -> None:
    """Put the chat's messages in the order of time and leave out those that came twice.

    Messages of the same second keep the order of their files, or have their own; what has no time stands where its
    file has it.
    """
    files: dict[str, int] = {}
    for message in chat.messages:
        files.setdefault(message.place.file, len(files))
    backwards = _backwards(chat.messages)
    keyed, last = list[tuple[float, int, int, int, Message]](), 0.0
    for message in chat.messages:
        last = message.timestamp if message.timestamp is not None else last
        file = message.place.file
        row = -message.place.row if file in backwards else message.place.row
        keyed.append((last, files[file], message.order, row, message))
    keyed.sort(key=lambda entry: entry[:4])
    chat.messages = list(_without_repeats((entry[4] for entry in keyed), ledger))


def sessions_of(messages: Iterable[Message], gap: float) -> Iterator[list[Message]]:
    """Yield the stretches of talk without a silence of more than `gap` seconds."""
    session = list[Message]()
    last: float | None = None
    for message in messages:
        now = message.timestamp
        if session and now is not None and last is not None and now - last > gap:
            yield session
            session = []
        session.append(message)
        last = now if now is not None else last
    if session:
        yield session


def _backwards(messages: Iterable[Message]) -> set[str]:
    """The files that have the newest first."""
    last: dict[str, float] = {}
    trend: dict[str, int] = {}
    for message in messages:
        file, now = message.place.file, message.timestamp
        if now is None:
            continue
        before = last.get(file, now)
        trend[file] = trend.get(file, 0) + (now > before) - (now < before)
        last[file] = now
    return {file for file, direction in trend.items() if direction < 0}


def _without_repeats(messages: Iterable[Message], ledger: Ledger) -> Iterator[Message]:
    seen = set[tuple[str, float | None, str, str]]()
    for message in messages:
        identity = message.message_id, message.timestamp, message.sender_id, message.text
        if message.message_id and identity in seen:
            ledger.leave([message.place], "duplicate_message")
            continue
        seen.add(identity)
        yield message
