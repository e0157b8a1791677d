"""From rows to examples: sessions, turns, groups, windows, and what is left behind."""

import io

import pytest

from dataprep import check, leaks
from dataprep.conversion.options import read_options
from dataprep.conversion.turns import MAX_KNOWN_TURNS
from dataprep.conversion.windows import lines_of
from dataprep.records import Dialogue, Kind, Place, Row
from tests.dataprep.chats import ANSWERED, ASKED, ME, SHE, converted, left, said, turns


def test_a_question_and_its_answer_are_an_example() -> None:
    assert turns(converted([ASKED, ANSWERED])) == [["u: Is the lamp lit?", "a: Since dusk."]]


def test_lines_of_one_side_within_the_merge_gap_are_one_turn() -> None:
    rows = [ASKED, said(2, SHE, 1, "And the horn?"), said(3, ME, 2, "Yes."), said(4, ME, 3.5, "Both.")]
    assert turns(converted(rows)) == [["u: Is the lamp lit?\nAnd the horn?", "a: Yes.\nBoth."]]


def test_an_afterthought_within_the_merge_gap_goes_on_with_the_answer() -> None:
    rows = [ASKED, ANSWERED, said(3, ME, 4, "Oh, and the fog"), said(4, SHE, 5, "What fog?"), said(5, ME, 6, "Thick.")]
    conversion = converted(rows)
    assert turns(conversion) == [
        ["u: Is the lamp lit?", "a: Since dusk.\nOh, and the fog", "u: What fog?", "a: Thick."],
    ]
    assert left(conversion) == {}


def test_an_afterthought_beyond_the_merge_gap_is_called_so_and_ends_the_conversation() -> None:
    rows = [ASKED, ANSWERED, said(3, ME, 7, "And the fog"), said(4, SHE, 8, "What fog?"), said(5, ME, 9, "Thick.")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."], ["u: What fog?", "a: Thick."]]
    assert left(conversion) == {"afterthought": 1}


def test_a_merge_gap_below_the_reply_gap_keeps_questions_and_afterthoughts_apart() -> None:
    rows = [ASKED, said(2, SHE, 3, "Hello?"), said(3, ME, 4, "Since dusk."), said(4, ME, 7, "And the fog")]
    conversion = converted(rows, merge_gap=2)
    assert turns(conversion) == [["u: Hello?", "a: Since dusk."]]
    assert left(conversion) == {"no_answer": 1, "afterthought": 1}


def test_a_question_that_a_later_one_replaces_does_not_end_the_conversation() -> None:
    rows = [ASKED, ANSWERED, said(3, SHE, 2, "What fog?"), said(4, SHE, 5, "Hello?"), said(5, ME, 6, "Thick.")]
    told = turns(converted(rows, merge_gap=2))
    assert told == [["u: Is the lamp lit?", "a: Since dusk.", "u: Hello?", "a: Thick."]]


def test_a_merge_gap_above_the_reply_gap_joins_what_is_further_apart() -> None:
    rows = [ASKED, said(2, SHE, 8, "Hello?"), said(3, ME, 9, "Since dusk.")]
    assert turns(converted(rows, merge_gap=10)) == [["u: Is the lamp lit?\nHello?", "a: Since dusk."]]
    assert turns(converted(rows)) == [["u: Hello?", "a: Since dusk."]]


def test_messages_of_one_second_have_their_own_order_where_the_export_has_one() -> None:
    rows = [said(1, SHE, 0, "and the horn?", order=3), said(2, SHE, 0, "Is it lit,", order=2), said(3, ME, 1, "Both.")]
    assert turns(converted(rows)) == [["u: Is it lit,\nand the horn?", "a: Both."]]


@pytest.mark.parametrize("kind", [Kind.STICKER, Kind.CALL])
def test_what_was_said_after_something_without_words_is_no_afterthought(kind: Kind) -> None:
    rows = [ASKED, ANSWERED, said(3, SHE, 2, "", kind), said(4, ME, 3, "Ha!")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion)["no_question"] == 1


def test_an_answer_that_goes_on_beyond_the_longest_turn_is_left_out_whole() -> None:
    rows = [ASKED, ANSWERED, said(3, ME, 4, "x" * 30)]
    conversion = converted(rows, max_turn_length=40)
    assert (turns(conversion), left(conversion)) == ([], {"no_answer": 1, "turn_too_long": 2})


def test_a_picture_belongs_to_the_words_that_follow_soon() -> None:
    soon = [said(1, SHE, 0, "", Kind.IMAGE), said(2, SHE, 2, "Which one?"), said(3, ME, 3, "Left.")]
    assert turns(converted(soon)) == [["u: [image]\nWhich one?", "a: Left."]]
    later = [said(1, SHE, 0, "", Kind.IMAGE), said(2, SHE, 3, "Which one?"), said(3, ME, 4, "Left.")]
    conversion = converted(later)
    assert (turns(conversion), left(conversion)) == ([["u: Which one?", "a: Left."]], {"no_words": 1})


def test_questions_that_wait_are_answered_together() -> None:
    rows = [ASKED, said(2, SHE, 4, "Hello?"), said(3, ME, 5, "Since dusk.")]
    assert turns(converted(rows)) == [["u: Is the lamp lit?\nHello?", "a: Since dusk."]]


def test_an_answer_after_the_reply_gap_is_not_the_questions() -> None:
    conversion = converted([ASKED, said(2, ME, 6, "Good morning")])
    assert (turns(conversion), left(conversion)) == ([], {"no_answer": 1, "late_answer": 1})


def test_a_late_answer_that_quotes_its_question_is_kept() -> None:
    late = said(3, ME, 20, "Since dusk.", Kind.REPLY, quoted_text="Is the lamp lit?")
    conversion = converted([ASKED, said(2, SHE, 10, "Boring here"), late])
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {"no_answer": 2}


def test_a_quotation_of_long_ago_is_put_in_again_one_of_just_now_is_not() -> None:
    def talk(exchanges: int) -> list[str]:
        rows = [said(row, ME if row % 2 else SHE, row / 9, f"word {row}") for row in range(exchanges * 2)]
        quoting = said(9000, SHE, exchanges * 2 / 9, "Still?", Kind.REPLY, quoted_text="word 0")
        end = said(9001, ME, exchanges * 2 / 9 + 0.1, "Yes.")
        return turns(converted([*rows, quoting, end], max_length=100_000))[-1][-2:]

    assert talk(50) == ["u: Still?", "a: Yes."]
    assert talk(MAX_KNOWN_TURNS) == ["u: > word 0\nStill?", "a: Yes."]


def test_a_day_of_talk_without_a_pause_is_gone_through_once() -> None:
    """Ten thousand exchanges of 400 characters: each used to be read again for every later one, for half an hour."""
    rows = [said(row, SHE if row % 2 else ME, row / 60, f"{row} " + "lamp " * 80) for row in range(1, 20_001)]
    conversion = converted(rows)
    assert (conversion.sessions, conversion.ledger.total().used) == (1, 20_000)


def test_sessions_are_parted_by_silence_and_never_joined() -> None:
    rows = [ASKED, ANSWERED, said(3, SHE, 40, "And now?"), said(4, ME, 41, "Still.")]
    conversion = converted(rows)
    assert (conversion.sessions, len(conversion.training)) == (2, 2)
    assert len(converted(rows, session_gap=60.0).training) == 1


def test_chats_are_never_joined() -> None:
    other = said(2, ME, 0.5, "Wrong chat", chat_id="d")
    conversion = converted([ASKED, other])
    assert (turns(conversion), conversion.chats) == ([], 2)


def test_pages_of_one_chat_are_joined_across_files() -> None:
    page_1 = [said(1, SHE, 0, "Is the lamp lit?", file="a_0_1.csv")]
    page_2 = [said(1, ME, 1, "Since dusk.", file="a_1_2.csv")]
    assert turns(converted(page_1, page_2)) == [["u: Is the lamp lit?", "a: Since dusk."]]


def test_messages_are_sorted_by_time_even_if_the_newest_comes_first() -> None:
    rows = [said(1, ME, 1, "Yes."), said(2, SHE, 0, "Lit?"), said(3, SHE, 0, "Otto?")]
    assert turns(converted(rows)) == [["u: Otto?\nLit?", "a: Yes."]]


def test_messages_without_times_keep_the_order_of_the_file() -> None:
    rows = [said(1, SHE, 0, "Lit?"), said(2, ME, 0, "Yes."), said(3, SHE, 0, "Sure?"), said(4, ME, 0, "Sure.")]
    timeless = [type(row)(**{**{f: getattr(row, f) for f in row.__slots__}, "timestamp": None}) for row in rows]
    assert turns(converted(timeless)) == [["u: Lit?", "a: Yes.", "u: Sure?", "a: Sure."]]


def test_a_message_that_stands_in_two_exports_counts_once() -> None:
    twice = [said(1, SHE, 0, "Lit?", message_id="9", file=name) for name in ("a.csv", "b.csv")]
    conversion = converted([*twice, ANSWERED])
    assert turns(conversion) == [["u: Lit?", "a: Since dusk."]]
    assert left(conversion) == {"duplicate_message": 1}


def test_what_comes_before_the_first_question_is_left_behind() -> None:
    conversion = converted([said(1, ME, 0, "Anybody?"), said(2, SHE, 1, "Yes?"), said(3, ME, 2, "Fine.")])
    assert (turns(conversion), left(conversion)) == ([["u: Yes?", "a: Fine."]], {"no_question": 1})


def test_no_answer_of_a_long_conversation_is_trained_twice() -> None:
    rows = [
        said(2 * turn + side, (SHE, ME)[side], 2 * turn + side, f"{'qa'[side]}{turn:02}")
        for turn in range(1, 9)
        for side in (0, 1)
    ]
    conversion = converted(rows, max_length=24)
    trained = [one for example in turns(conversion) for one in example if one.startswith("a: ")]
    assert trained == [f"a: a{turn:02}" for turn in range(1, 9)]
    assert turns(conversion)[1][:4] == ["u: q03", "0:a: a03", "u: q04", "0:a: a04"]
    assert all(sum(len(one["content"]) for one in example.messages) <= 24 for example in conversion.training)
    assert not left(conversion)


def test_the_budget_can_be_counted_in_tokens() -> None:
    rows = [ASKED, ANSWERED, said(3, SHE, 2, "word " * 30), said(4, ME, 3, "word " * 30)]
    conversion = converted(rows, max_tokens=40)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {"too_long": 2}


def test_a_turn_that_is_too_long_is_left_out_and_never_cut_short() -> None:
    conversion = converted([ASKED, said(2, ME, 1, "x" * 30)], max_turn_length=20)
    assert (turns(conversion), left(conversion)) == ([], {"turn_too_long": 1, "no_answer": 1})


def test_of_a_long_question_the_latest_lines_are_kept() -> None:
    conversion = converted(
        [said(1, SHE, 0, "x" * 15), said(2, SHE, 1, "Lit?"), said(3, ME, 2, "Yes.")], max_turn_length=15
    )
    assert (turns(conversion), left(conversion)) == ([["u: Lit?", "a: Yes."]], {"turn_too_long": 1})


def test_blocked_words_take_their_message_out() -> None:
    conversion = converted([ASKED, said(3, SHE, 0.5, "the secret lamp"), ANSWERED], blocked_words=("secret",))
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {"blocked_word": 1}


def test_a_blocked_answer_does_not_pass_its_question_on() -> None:
    rows = [ASKED, said(2, ME, 1, "secret"), said(3, SHE, 1.5, "And now?"), said(4, ME, 2, "Now too.")]
    conversion = converted(rows, blocked_words=("secret",))
    assert turns(conversion) == [["u: And now?", "a: Now too."]]
    assert left(conversion) == {"no_answer": 1, "blocked_word": 1}


def test_texts_are_cleaned_and_masked() -> None:
    rows = [said(1, SHE, 0, "好\u200b的，\u2028电话13912345678吗\r\n"), said(2, ME, 1, "是13912345678")]
    assert turns(converted(rows)) == [["u: 好的，\n电话[PHONE_1]吗", "a: 是[PHONE_1]"]]
    assert converted(rows).masked == {"PHONE": 2}
    assert turns(converted(rows, mask=False)) == [["u: 好的，\n电话13912345678吗", "a: 是13912345678"]]


def test_the_system_message_stands_before_every_example() -> None:
    dialogue = Dialogue(Place("d.jsonl", 1), ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}))
    assert [one[0] for one in turns(converted([ASKED, ANSWERED, dialogue], system="Be terse."))] == ["s: Be terse."] * 2


def test_an_answer_of_a_chat_that_stands_for_a_picture_cuts_the_talk_in_any_language() -> None:
    rows = [ASKED, ANSWERED, said(3, SHE, 2, "Show!"), said(4, ME, 3, "<Media omitted>"), said(5, SHE, 4, "Nice.")]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    assert left(conversion) == {"no_answer": 2, "text_cut": 1}


def test_ids_of_wechat_in_texts_are_masked_and_nothing_is_left_to_warn_of() -> None:
    rows = [said(1, SHE, 0, "加wxid_lx26b吗"), said(2, ME, 1, "我在38401234@chatroom，wxid_lx26b")]
    assert turns(converted(rows)) == [["u: 加[WXID_1]吗", "a: 我在[WXID_2]，[WXID_1]"]]
    written = "".join(lines_of(converted(rows).training)).encode()
    assert check(io.BytesIO(written)).findings == []


def test_a_key_is_never_trained_on_even_if_nothing_is_to_be_masked() -> None:
    rows = [ASKED, said(2, ME, 1, "It is sk-abcdefgh12345678abcdefgh")]
    assert left(converted(rows, mask=False)) == {"failed_check_secret": 2}
    assert left(converted(rows)) == {}


def test_duplicates_are_dropped_and_contradictions_told() -> None:
    rows = [
        said(2 * number + side, who, 100 * number + side, text)
        for number, answer in enumerate(["Ten.", "Ten.", "Half past."], 1)
        for side, (who, text) in enumerate([(SHE, ("When?", "When?", "when ？")[number - 1]), (ME, answer)])
    ]
    conversion = converted(rows)
    assert (len(conversion.training), left(conversion)) == (2, {"duplicate": 2})
    (contradiction,) = conversion.contradictions
    assert (contradiction.answers, contradiction.lines) == (("Ten.", "Half past."), ("line 1", "line 2"))


LIT = "It is lit at dusk every evening, and the keeper himself climbs up to trim the wick and to polish the glass."


def test_no_check_finds_a_leak_between_the_two_files_of_a_conversion() -> None:
    rows = list[Row]()
    for session in range(24):
        # Long sessions become windows that overlap; some share an exchange, or nearly so.
        texts = [f"{word} {session}" for at in range(6) for word in (f"Ship {at}?", f"Ship {at} went on by night,")]
        repeated = {0: LIT, 1: LIT.replace("himself ", ""), 2: LIT}.get(session % 8)
        if repeated:
            texts = [*texts[: session % 8 * 2], "When is the lamp lit, Otto?", repeated, *texts[session % 8 * 2 :]]
        for at, text in enumerate(texts):
            rows.append(said(len(rows) + 1, ME if at % 2 else SHE, session * 60 + at / 2, text))
    conversion = converted(rows, valid_share=0.4, max_length=200, context=2)
    assert any(one.get("weight") == 0 for example in conversion.validation for one in example.messages)
    parts = (io.BytesIO("".join(lines_of(part)).encode()) for part in (conversion.training, conversion.validation))
    assert leaks(*parts) == []


def test_the_merge_gap_is_the_reply_gap_unless_it_is_given() -> None:
    assert read_options({"qa_match_time_window": ["10"]}).merge_gap == 10
    assert read_options({"reply_gap": ["10"], "merge_gap": ["2"]}).merge_gap == 2
    assert read_options({}).merge_gap == read_options({}).reply_gap
