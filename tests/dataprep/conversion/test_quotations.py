"""Replies that quote: what is put into the question, from which row, and what was taken back or blocked stays out."""

from dataclasses import replace
from typing import Any

import pytest

from dataprep.conversion.output import origin
from dataprep.records import Kind
from tests.dataprep.chats import ANSWERED, ASKED, HE, ME, SHE, converted, left, said, turns

LATE = said(1, SHE, 0, "Where is the key?", message_id="1")
GROUP: dict[str, Any] = {"is_group": True}


def reply(row: int, minutes: float, text: str, to: str, **more: Any) -> Any:
    """One's own reply to the message of this id."""
    return said(row, ME, minutes, text, Kind.REPLY, reply_to=to, **more)


def test_the_row_of_what_is_quoted_is_used_and_leads_back() -> None:
    conversion = converted([LATE, said(2, SHE, 8, "Hello?"), reply(3, 9, "On the nail.", "1")])
    assert turns(conversion) == [["u: Hello?\n> Where is the key?", "a: On the nail."]]
    assert left(conversion) == {}
    assert origin(conversion.training[0]) == [{"file": "chat.csv", "rows": [(1, 3)]}]


@pytest.mark.parametrize("options", [{}, {"include_type": ("text",)}])
def test_what_was_taken_back_does_not_come_back_as_a_quotation(options: dict[str, Any]) -> None:
    taken_back = said(1, SHE, 0, "The code is 4711", Kind.RECALL, message_id="1")
    rows = [taken_back, said(2, SHE, 1, "Sorry."), reply(3, 2, "No harm done.", "1", quoted_text="The code is 4711")]
    conversion = converted(rows, **options)
    assert turns(conversion) == [["u: Sorry.", "a: No harm done."]]
    assert left(conversion) == {"recall_dropped": 1}


def test_a_blocked_word_is_not_quoted_either() -> None:
    conversion = converted([LATE, said(2, SHE, 1, "Hello?"), reply(3, 2, "Here.", "1")], blocked_words=("key",))
    assert turns(conversion) == [["u: Hello?", "a: Here."]]
    without_id = said(2, ME, 2, "Here.", Kind.REPLY, quoted_text="Where is the key?")
    conversion = converted([said(1, SHE, 1, "Hello?"), without_id], blocked_words=("key",))
    assert turns(conversion) == [["u: Hello?", "a: Here."]]


def test_in_a_group_a_quotation_says_whose_it_is() -> None:
    rows = [
        said(1, HE, 0, "Where is the key?", message_id="1", **GROUP),
        said(2, SHE, 8, "Hello?", **GROUP),
        reply(3, 9, "On the nail.", "1", **GROUP),
    ]
    assert turns(converted(rows)) == [["u: Mira: Hello?\n> Otto: Where is the key?", "a: On the nail."]]


def test_a_quoted_caption_that_stands_there_is_not_repeated() -> None:
    shown = said(1, SHE, 0, "Is this the key?", Kind.IMAGE, message_id="1", **GROUP)
    conversion = converted([shown, reply(2, 1, "It is.", "1", **GROUP)])
    assert turns(conversion) == [["u: Mira: [image] Is this the key?", "a: It is."]]


@pytest.mark.parametrize("kind", [Kind.SYSTEM, Kind.RECALL])
def test_what_is_said_to_a_robot_or_to_what_was_taken_back_is_no_part_of_the_answer_before(kind: Kind) -> None:
    sent = replace(said(3, HE, 2, "Beep.", kind), sender_id="robot", by_robot=kind is Kind.SYSTEM)
    rows = [ASKED, ANSWERED, sent, said(4, ME, 3, "Good robot.")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {f"{kind.name.lower()}_dropped": 1, "no_question": 1}


@pytest.mark.parametrize("kind", [Kind.SYSTEM, Kind.PAT])
def test_a_notice_parts_no_answer_whoever_it_is_about(kind: Kind) -> None:
    notice = replace(said(3, SHE, 2, "Mira renamed the chat", kind), sender_id=SHE)
    rows = [ASKED, ANSWERED, notice, said(4, ME, 3, "All night.")]
    assert turns(converted(rows)) == [["u: Is the lamp lit?", "a: Since dusk.\nAll night."]]
