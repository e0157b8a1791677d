"""What becomes of pictures, voices, recalls and the other kinds of messages, and of what they quote."""

import pytest

from dataprep.conversion.ledger import explain
from dataprep.records import Kind
from tests.dataprep.chats import ANSWERED, ASKED, ME, SHE, converted, left, said, turns


@pytest.mark.parametrize("kind", [Kind.RECALL, Kind.PAT, Kind.SYSTEM, Kind.TRANSFER, Kind.CALL, Kind.RED_PACKET])
def test_what_is_no_talk_is_dropped_on_both_sides(kind: Kind) -> None:
    rows = [ASKED, said(2, SHE, 0.1, "x", kind), said(3, ME, 0.2, "y", kind), said(4, ME, 1, "Yes.")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Yes."]]
    assert left(conversion) == {f"{kind.name.lower()}_dropped": 2}


def test_an_answer_to_a_dropped_message_is_no_answer_to_the_question_before() -> None:
    rows = [ASKED, ANSWERED, said(3, SHE, 1.5, "5 coins", Kind.TRANSFER), said(4, ME, 1.7, "Thank you!")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {"transfer_dropped": 1, "no_question": 1}


def test_a_picture_is_a_word_in_a_question_but_no_question() -> None:
    rows = [said(1, SHE, 0, "", Kind.IMAGE), said(2, SHE, 0.5, "Seen this?"), said(3, ME, 1, "Ha!")]
    assert turns(converted(rows)) == [["u: [image]\nSeen this?", "a: Ha!"]]
    alone = converted([rows[0], rows[2]])
    assert (turns(alone), left(alone)) == ([], {"no_words": 1, "no_question": 1})


def test_a_caption_is_kept_beside_the_word_for_its_picture() -> None:
    rows = [said(1, SHE, 0, "Is this the lamp?", Kind.IMAGE), said(2, ME, 1, "That is the kettle.")]
    assert turns(converted(rows)) == [["u: [image] Is this the lamp?", "a: That is the kettle."]]


def test_chinese_chats_get_chinese_placeholders() -> None:
    rows = [said(1, SHE, 0, "", Kind.STICKER), said(2, SHE, 0.5, "灯亮了吗"), said(3, ME, 1, "亮了")]
    assert turns(converted(rows)) == [["u: [表情]\n灯亮了吗", "a: 亮了"]]


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.VIDEO])
def test_ones_own_picture_with_words_beneath_cuts_for_another_reason(kind: Kind) -> None:
    rows = [ASKED, said(2, ME, 1, "like this one", kind), said(3, SHE, 2, "And inside?")]
    assert left(converted(rows)) == {"caption_cut": 1, "no_answer": 2}
    assert "no answer in words" not in explain("caption_cut")
    assert left(converted([ASKED, said(2, ME, 1, "[图片]", kind)]))[f"{kind.name.lower()}_cut"] == 1


def test_ones_own_picture_cuts_the_conversation() -> None:
    rows = [ASKED, ANSWERED, said(3, ME, 1.5, "", Kind.IMAGE), said(4, ME, 1.7, "see?"), said(5, SHE, 2, "Nice")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {"image_cut": 1, "no_question": 1, "no_answer": 1}


def test_a_voice_message_counts_by_its_transcript() -> None:
    spoken = converted([said(1, SHE, 0, "I am at the door", Kind.VOICE), ANSWERED])
    assert turns(spoken) == [["u: I am at the door", "a: Since dusk."]]
    silent = converted([ASKED, said(2, ME, 1, "", Kind.VOICE)])
    assert left(silent) == {"voice_cut": 1, "no_answer": 1}


def test_rules_for_kinds_can_be_changed_for_both_sides_or_one() -> None:
    rows = [ASKED, said(2, SHE, 0.5, "", Kind.IMAGE), said(3, ME, 1, "", Kind.STICKER), said(4, ME, 1.5, "Yes.")]
    changed = converted(rows, rules=("image=drop", "sticker:assistant=drop"))
    assert turns(changed) == [["u: Is the lamp lit?", "a: Yes."]]
    assert left(changed) == {"image_dropped": 1, "sticker_dropped": 1}


def test_only_the_kinds_asked_for_are_taken() -> None:
    link = said(3, SHE, 0.5, "A page about lamps", Kind.LINK)
    rows = [ASKED, link, said(4, SHE, 0.7, "", Kind.IMAGE), ANSWERED]
    assert turns(converted(rows, include_type=("text",))) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(converted(rows, include_type=("text",))) == {"link_dropped": 1, "image_dropped": 1}
    both = converted(rows, include_type=('["text"', '"image"]'))
    assert turns(both) == [["u: Is the lamp lit?\n[image]", "a: Since dusk."]]


def test_text_takes_replies_with_it() -> None:
    reply = said(2, ME, 1, "Green.", Kind.REPLY, quoted_text="What colour is the buoy?")
    only = converted([ASKED, reply], include_type=("text",))
    assert turns(only) == [["u: Is the lamp lit?\n> What colour is the buoy?", "a: Green."]]


def test_ones_own_message_of_a_kind_not_taken_cuts_like_a_picture() -> None:
    rows = [ASKED, said(2, ME, 1, "A page about lamps", Kind.LINK), said(3, ME, 1.2, "there")]
    assert turns(converted(rows)) == [["u: Is the lamp lit?", "a: A page about lamps\nthere"]]
    only = converted(rows, include_type=("text",))
    assert (turns(only), left(only)) == ([], {"link_cut": 1, "no_answer": 1, "no_question": 1})


def test_a_rule_changes_what_becomes_of_a_kind_not_taken() -> None:
    rows = [ASKED, said(3, SHE, 0.5, "", Kind.IMAGE), ANSWERED]
    ruled = converted(rows, include_type=("text",), rules=("image=placeholder",))
    assert turns(ruled) == [["u: Is the lamp lit?\n[image]", "a: Since dusk."]]


def test_a_reply_whose_text_is_lost_cuts_and_is_counted() -> None:
    conversion = converted([ASKED, said(2, ME, 1, "", Kind.REPLY), said(3, ME, 1.5, "ok")])
    assert left(conversion) == {"quote_without_text": 1, "no_answer": 1, "no_question": 1}


def test_a_quotation_is_put_into_the_question_unless_it_stands_there() -> None:
    there = said(2, ME, 1, "Since dusk.", Kind.REPLY, quoted_text="is the lamp lit")
    assert turns(converted([ASKED, there])) == [["u: Is the lamp lit?", "a: Since dusk."]]
    elsewhere = said(2, ME, 1, "Green.", Kind.REPLY, quoted_text="What colour is the buoy?")
    assert turns(converted([ASKED, elsewhere])) == [["u: Is the lamp lit?\n> What colour is the buoy?", "a: Green."]]


def test_a_quotation_alone_is_a_question() -> None:
    quoting = said(1, ME, 1, "Green.", Kind.REPLY, quoted_text="What colour is the buoy?")
    assert turns(converted([quoting])) == [["u: What colour is the buoy?", "a: Green."]]


def test_a_reply_by_id_quotes_the_message_it_answers() -> None:
    asked = said(1, SHE, 0, "What colour is the buoy?", message_id="7")
    answer = said(2, ME, 90, "Green.", Kind.REPLY, reply_to="7")
    assert turns(converted([asked, answer])) == [["u: What colour is the buoy?", "a: Green."]]
    own = converted([said(1, ME, 0, "Fog", message_id="7"), said(2, ME, 90, "Gone", Kind.REPLY, reply_to="7")])
    assert turns(own) == []


def test_what_the_user_quotes_stands_before_the_users_words() -> None:
    rows = [said(1, SHE, 0, "still true?", Kind.REPLY, quoted_text="The horn is broken"), said(2, ME, 1, "No.")]
    assert turns(converted(rows)) == [["u: > The horn is broken\nstill true?", "a: No."]]
