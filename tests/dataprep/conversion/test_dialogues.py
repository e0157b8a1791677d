"""What becomes of examples that are examples already."""

import pytest

from dataprep.conversion.output import origin
from dataprep.conversion.windows import lines_of
from dataprep.records import Dialogue, LeftOut, Place, Row
from tests.dataprep.chats import ANSWERED, ASKED, converted, left, turns


def test_dialogues_pass_through_with_the_same_checks() -> None:
    good = ({"role": "user", "content": "Mail a@b.example?"}, {"role": "assistant", "content": "Yes"})
    bad = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "})
    tools = (("tools", [{"type": "function", "function": {"name": "f"}}]),)
    rows: list[Row] = [
        Dialogue(Place("d", 1), good, extra=tools),
        Dialogue(Place("d", 2), bad),
        LeftOut(Place("d", 3), "blank"),
    ]
    conversion = converted(rows)
    assert turns(conversion) == [["u: Mail [EMAIL_1]?", "a: Yes"]]
    assert conversion.training[0].body["tools"] == tools[0][1]
    assert left(conversion) == {"failed_check_empty_content": 1, "blank": 1}


def test_what_goes_along_with_the_messages_of_a_dialogue_is_masked_too() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"to": "13812345678"}'}}
    turns_ = (
        {"role": "user", "content": "Call 13812345678"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "busy"},
        {"role": "assistant", "content": "Busy."},
    )
    tools = [{"type": "function", "function": {"name": "f", "description": "as sk-abcdefgh12345678abcdefgh"}}]
    rows = [Dialogue(Place("d", 1), turns_, extra=(("tools", tools),))]
    [example] = converted(rows).training
    assert example.messages[1]["tool_calls"][0]["function"]["arguments"] == '{"to": "[PHONE_1]"}'
    assert example.body["tools"][0]["function"]["description"] == "as [KEY_1]"
    assert example.messages[1]["tool_calls"][0]["id"] == "c1"
    assert converted(rows, mask=False).training[0].body["tools"] == tools
    assert call["function"] == {"name": "f", "arguments": '{"to": "13812345678"}'}


@pytest.mark.parametrize("answer", ["[图片]", "<Media omitted>", "\u200d"])
def test_a_dialogue_whose_answer_has_no_words_is_left_behind_as_the_check_refuses_it(answer: str) -> None:
    turns_ = ({"role": "user", "content": "And the lamp?"}, {"role": "assistant", "content": answer})
    conversion = converted([Dialogue(Place("d", 1), turns_), ASKED, ANSWERED])
    assert turns(conversion) == [["u: Is the lamp lit?", "a: Since dusk."]]
    code = "empty_content" if answer == "\u200d" else "placeholder_answer"
    assert left(conversion) == {f"failed_check_{code}": 1}


def test_what_a_dialogue_says_before_the_first_question_is_not_trained() -> None:
    lead = {"role": "assistant", "content": "Welcome."}
    pair = ({"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Yes."})
    system = {"role": "system", "content": "Greet."}
    rows: list[Row] = [
        Dialogue(Place("d", 1), (lead, *pair)),
        Dialogue(Place("d", 2), (system, lead, *pair)),
        Dialogue(Place("d", 3), (lead,)),
        Dialogue(Place("d", 4), (system, lead)),
        Dialogue(Place("d", 5), (system, {"role": "assistant", "content": "Hello."})),
    ]
    conversion = converted(rows)
    assert turns(conversion) == [
        ["u: Lit?", "a: Yes."],
        ["s: Greet.", "u: Lit?", "a: Yes."],
        ["s: Greet.", "a: Welcome."],
        ["s: Greet.", "a: Hello."],
    ]
    assert left(conversion) == {"no_question": 1}
    assert conversion.contradictions == []


def test_what_no_json_reader_takes_never_gets_into_a_file() -> None:
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    turns_of_it = ({"role": "user", "content": "Hi \ud83d"}, {"role": "assistant", "content": "Yes"})
    rows: list[Row] = [
        Dialogue(
            Place("d", 1),
            turns_of_it,
            extra=(("tools", [{"type": "function", "function": {"name": "f", "x": float("nan")}}]),),
        ),
        Dialogue(Place("d", 2), turns_of_it, extra=(("tools", deep),)),
    ]
    (line,) = lines_of(converted(rows).training)
    assert "NaN" not in line
    assert line.encode("utf-8").endswith(b"\n")
    assert "Hi \ufffd" in line


@pytest.mark.parametrize("word", ["content", "kind", "user", '"secret word"', "13812345678", "f(x)"])
def test_blocked_words_are_looked_for_in_what_is_said(word: str) -> None:
    asked = {"role": "user", "content": [{"type": "text", "text": "Call 13812345678"}]}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": "f(x)"}'}}
    answered = ({"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": "9"})
    said_last = {"role": "assistant", "content": 'It is "secret word".'}
    tools = (("tools", [{"type": "function", "function": {"name": "f"}}]),)
    rows = [Dialogue(Place("d", 1), (asked, *answered, said_last), extra=tools)]
    conversion = converted(rows, blocked_words=(word,), system="Be kind.")
    held = word in ("content", "kind", "user")
    assert (len(conversion.training), left(conversion)) == (held, {} if held else {"blocked_word": 1})


def test_all_rows_of_a_dialogue_are_those_that_it_leads_back_to() -> None:
    pair = ({"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Since dusk."})
    [example] = converted([Dialogue(Place("faq.md", 8), pair, rows=6)]).training
    assert origin(example) == [{"file": "faq.md", "rows": [(8, 13)]}]
