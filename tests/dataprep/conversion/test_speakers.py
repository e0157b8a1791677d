"""Who speaks: the assistant, and the others of a group."""

import pytest

from dataprep.conversion.speakers import NeedsMe
from dataprep.records import Kind
from tests.dataprep.chats import ASKED, HE, ME, SHE, converted, left, said, turns


def test_a_group_is_merged_into_one_user_with_names() -> None:
    rows = [said(1, SHE, 0, "Lit?"), said(2, HE, 0.5, "And loud?"), said(3, ME, 1, "Both.")]
    group = [type(row)(**{**{f: getattr(row, f) for f in row.__slots__}, "is_group": True}) for row in rows]
    assert turns(converted(group)) == [["u: Mira: Lit?\nOtto: And loud?", "a: Both."]]


def test_in_a_group_whoever_is_called_by_a_number_or_an_id_is_masked_and_names_stay() -> None:
    number, card = "+86\u00a0138\u00a01234\u20115678", "wxid_left99887766"
    rows = [
        said(1, "x", 0, "what about 138 1234 5678?", name=number, is_group=True),
        said(2, card, 0.5, "请问", name=card, is_group=True),
        said(3, HE, 0.6, "yes?", is_group=True),
        said(4, ME, 1, "Both.", is_group=True),
    ]
    question = "u: [PHONE_1]: what about [PHONE_1]?\n[WXID_1]: 请问\nOtto: yes?"
    assert turns(converted(rows)) == [[question, "a: Both."]]
    assert number.replace("\u2011", "-") not in str(turns(converted(rows)))
    assert turns(converted(rows, mask=False))[0][0].startswith(f"u: {number}: what about 138")


def test_in_a_group_one_may_learn_only_addressed_answers() -> None:
    rows = [
        said(1, SHE, 0, "@me\u2005lit?", is_group=True),
        said(2, ME, 1, "Yes."),
        said(3, HE, 2, "nice weather"),
        said(4, ME, 3, "hm"),
        said(5, SHE, 4, "and the horn?"),
        said(6, ME, 5, "Loud.", Kind.REPLY, quoted_text="and the horn?"),
        said(7, HE, 6, "bye"),
        said(8, ME, 7, "bye"),
    ]
    conversion = converted(rows, only_addressed=True)
    assert turns(conversion) == [
        ["u: Mira: @me lit?", "a: Yes.", "u: Otto: nice weather", "0:a: hm", "u: Mira: and the horn?", "a: Loud."]
    ]
    assert left(conversion) == {"not_addressed": 2}


def test_what_is_not_addressed_is_context_of_the_next_part() -> None:
    said_twice = [
        (
            said(2 * at + 1, SHE, at, f"{name}is number {at} lit now?", is_group=True),
            said(2 * at + 2, ME, at + 0.5, "Yes."),
        )
        for at, name in enumerate(("@me ", "", "@me ", "@me "))
    ]
    conversion = converted([one for pair in said_twice for one in pair], only_addressed=True, max_length=80)
    assert turns(conversion) == [
        ["u: Mira: @me is number 0 lit now?", "a: Yes."],
        ["u: Mira: is number 1 lit now?", "0:a: Yes.", "u: Mira: @me is number 2 lit now?", "a: Yes."],
        ["u: Mira: @me is number 2 lit now?", "0:a: Yes.", "u: Mira: @me is number 3 lit now?", "a: Yes."],
    ]
    assert left(conversion) == {}


def test_who_is_the_assistant_is_asked_with_the_senders_to_choose_from() -> None:
    rows = [said(1, SHE, 0, "Lit?", is_self=None), said(2, HE, 1, "Yes.", is_self=None)]
    with pytest.raises(NeedsMe) as asked:
        converted([*rows, said(3, SHE, 2, "Good", is_self=None)])
    assert [(one.name, one.messages) for one in asked.value.senders] == [(SHE, 2), (HE, 1)]
    assert turns(converted(rows, me=(" otto",))) == [["u: Lit?", "a: Yes."]]


def test_a_me_that_nobody_is_called_is_told() -> None:
    with pytest.raises(NeedsMe, match=r"Nobody is called 'Ott'.*Mira: 1 message"):
        converted([ASKED], me=("Ott",))


def test_me_outweighs_what_the_data_say() -> None:
    rows = [said(1, ME, 0, "Lit?"), said(2, SHE, 1, "Yes.")]
    assert turns(converted(rows, me=(SHE,))) == [["u: Lit?", "a: Yes."]]
