"""What every export comes down to: one record a row, whatever program wrote it; nothing is judged or thrown away here.

A reader accounts for each row of its source: it becomes part of a Message or a Dialogue, or is LeftOut with a reason.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """What a chat message is; the numbers are those of the ChatLab format."""

    TEXT = 0
    IMAGE = 1
    VOICE = 2
    VIDEO = 3
    FILE = 4
    STICKER = 5
    LINK = 7
    LOCATION = 8
    RED_PACKET = 20
    TRANSFER = 21
    PAT = 22
    CALL = 23
    SHARE = 24
    REPLY = 25
    FORWARD = 26
    CARD = 27
    SYSTEM = 80
    RECALL = 81
    OTHER = 99


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: the file's label, and the number of its line, sheet row or array element, from 1."""

    file: str
    row: int


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message.

    `text` is what was said or shown in words: of a voice message its transcript, of a link its title, of a file its
    name, of a reply the reply alone (`quoted_text` has the rest); empty where the file has no words for it.
    `timestamp` is in seconds; a clock without a zone is read as if it were UTC, for only distances matter; None where
    the file has no times. `is_self` is None where the file does not say who exported it. `sender_id` is stable within
    a chat (the name, where there is nothing better) and empty for what the program itself said. `order` is that of
    messages of the same second, where it is not that of the file. `by_robot`: a program sent it that people talk to.
    """

    place: Place
    chat_id: str
    sender_id: str
    sender_name: str
    timestamp: float | None
    kind: Kind
    text: str
    is_self: bool | None = None
    chat_name: str = ""
    is_group: bool = False
    message_id: str = ""
    reply_to: str = ""
    quoted_text: str = ""
    order: int = 0
    by_robot: bool = False


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation that its source already has as one: `messages` are in the wire's shape, `role` and `content`.

    `rows` is how many rows of the source it took, the first of which is `place`; `extra` holds `tools` and the like;
    `taken_out` names what else stood there, and is not taken over.
    """

    place: Place
    messages: tuple[dict[str, Any], ...]
    rows: int = 1
    chat_id: str = ""
    extra: tuple[tuple[str, Any], ...] = ()
    taken_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that holds nothing to train on; `reason` is a code such as `header`, `blank`, `broken_row`, `no_answer`."""

    place: Place
    reason: str
    detail: str = ""
    rows: int = 1


Row = Message | Dialogue | LeftOut
