"""Who becomes the assistant where `me` is no single sender."""

import pytest

from dataprep.conversion.speakers import NeedsMe
from tests.dataprep.chats import converted, said, turns

GROUP = [
    said(1, "id_3", 0, "Lit?", name="Lee", is_self=None, is_group=True),
    said(2, "id_1", 1, "Yes.", name="Wang", is_self=None, is_group=True),
    said(3, "id_2", 2, "No.", name="wang", is_self=None, is_group=True),
]


def test_a_name_that_two_senders_of_a_chat_have_is_asked_about() -> None:
    with pytest.raises(
        NeedsMe, match=r"^2 senders are called 'Wang' in one chat.*ids.*Wang \(id_1\).*wang \(id_2\)"
    ) as asked:
        converted(GROUP, me=("Wang",))
    assert {(one.name, one.id) for one in asked.value.senders} == {("Wang", "id_1"), ("wang", "id_2")}
    assert turns(converted(GROUP, me=("id_1",))) == [["u: Lee: Lit?", "a: Yes."]]
    assert turns(converted(GROUP, me=("id_1", "id_2"))) == [["u: Lee: Lit?", "a: Yes.\nNo."]]


def test_one_sender_under_two_ids_in_two_chats_is_one() -> None:
    other = [
        said(1, "id_3", 0, "Dark?", name="Lee", is_self=None, chat_id="d"),
        said(2, "id_2", 1, "Not yet.", name="Wang", is_self=None, chat_id="d"),
    ]
    assert len(turns(converted(GROUP[:2], other, me=("Wang",)))) == 2


def test_a_name_that_is_also_somebodys_id_means_that_id() -> None:
    both = [*GROUP[:2], said(3, "Wang", 2, "Perhaps.", name="Mina", is_self=None, is_group=True)]
    assert turns(converted(both, me=("Wang",))) == [["u: Lee: Lit?\nWang: Yes.", "a: Perhaps."]]


def test_a_wanted_name_that_nobody_has_is_told_though_another_is_found() -> None:
    with pytest.raises(NeedsMe, match=r"^Nobody is called 'Wong'\. .*Lee \(id_3\)"):
        converted(GROUP, me=("id_1", "Wong"))
