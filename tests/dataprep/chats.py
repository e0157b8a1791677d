"""Rows of made-up chats, and their conversion, for the tests of the pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataprep.conversion.convert import Conversion, convert_inputs
from dataprep.conversion.inputs import Input
from dataprep.conversion.ledger import Ledger
from dataprep.conversion.options import Options
from dataprep.records import Kind, Message, Place, Row
from dataprep.sources.source import Head, Source

MINUTE = 60.0
ME, SHE, HE = "me", "Mira", "Otto"


def said(row: int, who: str, minutes: float, text: str, kind: Kind = Kind.TEXT, **more: Any) -> Message:
    """One message of the chat `c`, `minutes` after the epoch."""
    facts = {"is_self": who == ME, "chat_id": "c", **more}
    place = Place(facts.pop("file", "chat.csv"), row)
    name = facts.pop("name", who)
    sender = "" if kind is Kind.SYSTEM else who
    return Message(place, sender_id=sender, sender_name=name, timestamp=minutes * MINUTE, kind=kind, text=text, **facts)


ASKED = said(1, SHE, 0, "Is the lamp lit?")
ANSWERED = said(2, ME, 1, "Since dusk.")


def converted(*sources: Sequence[Row], **options: Any) -> Conversion:
    """The conversion of these rows, those of each source in a file of their own."""
    inputs = [_input(number, rows) for number, rows in enumerate(sources)]
    return convert_inputs(Conversion(inputs, [], Options(**options), Ledger()))


def turns(conversion: Conversion) -> list[list[str]]:
    """Every example of the training part as `role: text` lines, `0:` before answers that are context alone."""
    return [
        [("0:" if one.get("weight") == 0 else "") + f"{one['role'][0]}: {one['content']}" for one in example.messages]
        for example in conversion.training
    ]


def left(conversion: Conversion) -> dict[str, int]:
    """How many rows were left behind for which reason."""
    return dict(conversion.ledger.total().left)


def _input(number: int, rows: Sequence[Row]) -> Input:
    source = Source("made", "Made up", lambda head: None, lambda head: iter(rows))
    return Input(Head(Path(f"{number}"), f"{number}", b"", ""), source, "we made it up")
