"""What only whole files show: repetitions, contradictions, shares, system messages, counts."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from dataprep import Finding, Report, check
from dataprep.checks.checker import MAX_CLOSE_BYTES, SAMPLE_BYTES
from dataprep.fixing.fix import fix
from tests.dataprep.lines import assistant, chat, user

STORY = "On Monday the keeper rowed out to the rock, lit the lamp, wrote down the wind and slept until the gulls came."
FILLER = [(f"What is {number} times three?", f"That makes {number * 3}.") for number in range(20)]


def check_pairs(pairs: list[tuple[str, str]], **options: int) -> Report:
    """Check a file of these questions and answers."""
    return check_lines([chat(user(question), assistant(answer)) for question, answer in pairs], **options)


def check_lines(lines: list[str], **options: int) -> Report:
    """Check a file of these lines."""
    return check(io.BytesIO("".join(line + "\n" for line in lines).encode()), minimum=options.get("minimum"))


def codes(report: Report) -> list[tuple[int | None, str]]:
    """Line and code of every finding."""
    return [(finding.line, finding.code) for finding in report.findings]


def only(report: Report) -> Finding:
    """The one finding there is."""
    assert len(report.findings) == 1, report.findings
    return report.findings[0]


def written(*messages: object, **how: Any) -> str:
    """A chat written in another way than `chat` does."""
    return json.dumps({"messages": list(messages)}, **how)


TOOL = {"type": "function", "function": {"name": "f"}}
BACKWARDS = {"weight": 1, "content": "Ahoy!", "role": "assistant"}
SAME = {
    "the order of keys": (chat(user(), assistant()), written({"content": "Hi", "role": "user"}, assistant())),
    "blanks": (chat(user(), assistant()), written(user(), assistant(), separators=(" ,", ":  "))),
    "escapes": (chat(user("灯"), assistant("a/b")), written(user("灯"), assistant("a/b")).replace("/", "\\/")),
    "a mark as a number": (chat(user('"'), assistant()), chat(user('"'), assistant()).replace('\\"', "\\u0022")),
    "weights": (chat(user(), assistant(weight=1)), chat(user(), BACKWARDS)),
    "tools": (
        chat(user(), assistant(), tools=[TOOL]),
        json.dumps({"tools": [TOOL], "messages": [user(), assistant()]}),
    ),
    "completions": ('{"prompt": "a", "completion": "b"}', '{"completion":"b", "prompt":"a"}'),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_example_is_a_duplicate_however_it_is_written_and_a_fix_drops_it(name: str, tmp_path: Path) -> None:
    first, again = SAME[name]
    finding = only(check_lines([first, again]))
    assert (finding.line, finding.code, finding.fix) == (2, "duplicate_example", "drop_duplicates")
    assert "line 1" in finding.message
    (tmp_path / "a.jsonl").write_text(f"{first}\n{again}\n", encoding="utf-8")
    report = fix(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert report.dropped == {"drop_duplicates": 1}
    assert (tmp_path / "b.jsonl").read_text(encoding="utf-8") == f"{first}\n"


def test_another_weight_or_another_tool_makes_another_example() -> None:
    weighed = [chat(user(), assistant(), user("And?"), assistant(**more)) for more in ({}, {"weight": 1})]
    assert codes(check_lines(weighed)) == [(2, "similar_example")]
    assert codes(check_lines([chat(user(), assistant()), chat(user(), assistant(), tools=[TOOL])])) == [
        (2, "similar_example")
    ]


@pytest.mark.parametrize("mark", [".", "。", "...", "．"])
def test_a_full_stop_at_the_end_makes_no_difference(mark: str) -> None:
    found = check_pairs([("When is it lit", "At dusk"), (f"When is it lit{mark}", f"At dusk{mark}")])
    assert codes(found) == [(2, "similar_example")]
    assert "a full stop at an end" in found.findings[0].message
    assert codes(check_pairs([("When is it lit?", "At dusk"), ("When is it lit?", f"At dusk{mark}")])) == [
        (2, "similar_example")
    ]
    assert codes(check_pairs([("Is it lit?", "Yes"), ("Is it lit.", "Fine")])) == []


def test_near_copies_are_found_whatever_their_sentences_end_with() -> None:
    question = "Who rowed out to the rock on Monday and lit the lamp there"
    first, again = (question + "?", "It was the keeper."), ("Well, " + question, "It was the keeper!")
    assert codes(check_pairs([first, again])) == [(2, "near_duplicate")]


@pytest.mark.parametrize("again", ["几点开会?", "几点开会？ ", "几点 开会？"])
def test_a_question_repeated_but_for_width_and_blanks_is_told(again: str) -> None:
    finding = only(check_pairs([("几点开会？", "十点"), ("吃了吗", "吃了"), (again, "十点")]))
    assert (finding.line, finding.code) == (3, "similar_example")
    assert "line 1" in finding.message


def test_case_makes_no_difference_but_words_do() -> None:
    assert codes(check_pairs([("Hi There", "Yes"), ("hi there", "YES")])) == [(2, "similar_example")]
    assert codes(check_pairs([("3 + 4?", "Yes"), ("3 - 4?", "Yes")])) == []


def test_another_answer_to_the_same_question_is_a_contradiction() -> None:
    finding = only(check_pairs([("明天几点开会？", "十点"), ("明天几点开会?", "改成十点半了")]))
    assert (finding.line, finding.code, finding.pointer) == (2, "contradiction", "/messages/1/content")
    assert "'改成十点半了'" in finding.message
    assert "line 1" in finding.message


def seen(name: str, answer: str) -> str:
    """A chat about a picture."""
    picture = {"type": "image_url", "image_url": {"url": f"https://pictures.test/{name}.png"}}
    return chat(user([picture, {"type": "text", "text": "What do you see?"}]), assistant(answer))


def test_the_same_question_about_another_picture_is_another_one() -> None:
    assert not check_lines([seen("lamp", STORY), seen("boat", STORY), seen("gull", "A gull.")]).findings
    again = check_lines([seen("lamp", "A lamp."), seen("lamp", "A boat."), seen("lamp", "A lamp.")])
    assert codes(again) == [(2, "contradiction"), (3, "duplicate_example")]


def test_an_earlier_answer_contradicts_too_once_an_example() -> None:
    def talk(first: str, last: str, **weight: int) -> str:
        return chat(user("When?"), assistant(first, **weight), user("Where?"), assistant(last))

    found = check_lines([talk("At ten.", "Here."), talk("At noon.", "There.")]).findings
    assert [(one.line, one.code, one.pointer) for one in found] == [(2, "contradiction", "/messages/1/content")]
    assert "line 1" in found[0].message
    shorter = chat(user("When?"), assistant("At one."))
    assert codes(check_lines([talk("At ten.", "Here."), shorter])) == [(2, "contradiction")]
    # The same beginning, and a beginning that is mere context, contradict nothing.
    assert codes(check_lines([talk("At ten.", "Here."), chat(user("When?"), assistant("At ten."))])) == []
    assert codes(check_lines([talk("At ten.", "Here."), talk("At noon.", "There.", weight=0)])) == []


@pytest.mark.parametrize("question", ["", " \u200b", "[图片]", "<Media omitted>"])
def test_without_a_question_in_words_no_answer_contradicts_another(question: str) -> None:
    answers = ("Lovely, that light.", "Who is that beside you?")
    lines = [chat(user(question), assistant(answer)) for answer in answers]
    assert "contradiction" not in [code for _, code in codes(check_lines(lines))]
    lines = [json.dumps({"prompt": question, "completion": answer}) for answer in answers]
    assert "contradiction" not in [code for _, code in codes(check_lines(lines))]


def test_what_is_said_on_after_an_answer_answers_nothing() -> None:
    lines = [chat(user("When?"), assistant("At ten."), assistant(more)) for more in ("Be early.", "Take the boat.")]
    assert "contradiction" not in [code for _, code in codes(check_lines(lines))]
    lines = [
        chat(user("When?"), assistant("At ten."), user("[图片]"), assistant("Pretty."), user("Where?"), assistant(end))
        for end in ("Here.", "There.")
    ]
    assert codes(check_lines(lines)) == [(2, "contradiction")]


def test_an_example_without_a_question_repeats_another_still() -> None:
    lines = [json.dumps({"prompt": "", "completion": answer}) for answer in ("The lamp is lit.", "the lamp is lit.")]
    assert codes(check_lines(lines)) == [(2, "similar_example")]


def test_another_answer_in_another_context_is_none() -> None:
    lines = [
        chat(user("A?"), assistant("One"), user("Why?"), assistant("So.")),
        chat(user("B?"), assistant("Two"), user("Why?"), assistant("Thus.")),
    ]
    assert codes(check_lines(lines)) == []


def test_nearly_the_same_example_is_told_with_its_likeness() -> None:
    finding = only(check_pairs([(STORY, "Good."), ("Hi", "Ho"), (STORY.replace("On Monday", "Each Monday"), "Good.")]))
    assert (finding.line, finding.code) == (3, "near_duplicate")
    assert "line 1" in finding.message
    assert "%" in finding.message


def test_a_half_alike_example_and_a_short_greeting_are_left_alone() -> None:
    half = STORY[: len(STORY) // 2] + " and then nothing else was heard of him for a very long winter."
    assert codes(check_pairs([(STORY, "Good."), (half, "Good.")])) == []
    assert codes(check_pairs([("Good morning!", "Hello"), ("Good morning, you!", "Hello")])) == []


def test_an_answer_given_too_often_is_told_once() -> None:
    finding = only(check_pairs([*FILLER, *((f"Is {number} odd?", "Maybe.") for number in range(3))]))
    assert (finding.line, finding.code) == (None, "frequent_answer")
    assert "3 of 23" in finding.message
    assert "'maybe.'" in finding.message
    assert codes(check_pairs([*FILLER, ("Is 1 odd?", "Maybe."), ("Is 2 odd?", "Maybe.")])) == []


def test_mostly_tiny_answers_are_told_once() -> None:
    tiny = [(f"What follows {number}?", str(number + 1)) for number in range(60)]
    assert codes(check_pairs([*FILLER, *tiny])) == [(None, "short_answers")]
    assert codes(check_pairs([*FILLER, *tiny[:20]])) == []


def test_one_answer_as_long_as_all_others_together_is_told_with_its_line() -> None:
    others = sum(len(answer.replace(" ", "")) for _, answer in FILLER)
    finding = only(check_pairs([*FILLER, ("And the tale?", "x" * (others + 1))]))
    assert (finding.line, finding.code, finding.severity) == (None, "dominant_answer", "warning")
    assert f"line {len(FILLER) + 1} has {others + 1} of the {2 * others + 1} characters" in finding.message
    assert codes(check_pairs([*FILLER, ("And the tale?", "x" * others)])) == []
    assert codes(check_pairs([*FILLER[:5], ("And the tale?", "x" * others)])) == []


def system(text: str, number: int) -> str:
    """A chat with this system message."""
    return chat({"role": "system", "content": text}, user(f"Say {number}"), assistant(f"It is {number}"))


def test_system_messages_that_vary_or_are_missing_in_places_are_told() -> None:
    assert codes(check_lines([system("Be kind.", 1), system("Be brief.", 2)])) == [(None, "system_message_varies")]
    missing = check_lines([system("Be kind.", 1), chat(user("2"), assistant("Two"))])
    assert codes(missing) == [(None, "system_message_missing")]
    assert "1 of 2" in missing.findings[0].message
    assert codes(check_lines([system("Be kind.", 1), system("Be kind.", 2)])) == []


def test_counts_matter_only_where_a_minimum_is_given() -> None:
    assert codes(check_pairs(FILLER[:9])) == []
    few = only(check_pairs(FILLER[:9], minimum=10))
    assert (few.line, few.code, few.severity) == (None, "too_few_examples", "error")
    assert "9 examples" in few.message
    assert "at least 10" in few.message
    assert only(check_pairs(FILLER[:10], minimum=10)).code == "few_examples"
    enough = [(f"How is {number} written?", f"As the number {number}.") for number in range(50)]
    assert codes(check_pairs(enough, minimum=10)) == []


def test_the_outputs_of_a_preference_may_be_many_to_one_question() -> None:
    def pair(good: str, bad: str) -> str:
        outputs = {"preferred_output": [assistant(good)], "non_preferred_output": [assistant(bad)]}
        return json.dumps({"input": {"messages": [user()]}, **outputs})

    assert codes(check_lines([pair("A", "B")])) == []
    assert codes(check_lines([pair("A", "A")])) == [(1, "same_outputs")]
    assert codes(check_lines([pair("A", "B"), pair("C", "B")])) == [(2, "contradiction")]


def test_of_a_large_file_every_line_is_read_for_what_is_an_error() -> None:
    secret = "sk-a1B2c3D4e5F6g7H8i9J0"
    lines = [chat(user("x" * 1_000_000 + str(number)), assistant("Yes.")) for number in range(40)]
    lines[3:8] = [
        chat(user("Key?"), assistant(f"It is {secret}")),
        chat(user("Where?"), assistant("[图片]")),
        chat(user("Well?"), assistant("\u3164")),
        chat(user("Named?", name="Ann"), assistant(f"{secret}1")),
        chat(user("Mine: 13912345678"), assistant("Yes.")),
    ]
    report = check(io.BytesIO("".join(line + "\n" for line in lines).encode()))
    assert report.closely == 1
    told = [(one.line, one.code) for one in report.findings if one.severity == "error"]
    assert told == [(4, "secret"), (5, "placeholder_answer"), (6, "empty_content"), (7, "secret")]
    assert "personal_data" not in {one.code for one in report.findings}


def test_a_large_file_is_sampled_unless_asked_otherwise() -> None:
    line = chat(user("x" * 1_000_000), assistant())
    count = MAX_CLOSE_BYTES // len(line) + 2
    data = "".join(line.replace("x", "y", number) + "\n" for number in range(count)).encode()
    sampled, thorough = check(io.BytesIO(data)), check(io.BytesIO(data), thorough=True)
    assert sampled.closely == count // (len(data) // SAMPLE_BYTES)
    told = [finding.message for finding in sampled.findings if finding.code == "partly_read"]
    assert [f"the wording of {sampled.closely} of {count} examples" in message for message in told] == [True]
    assert thorough.closely == count
    assert "partly_read" not in {finding.code for finding in thorough.findings}
    assert check(io.BytesIO(data[: len(data) // 2])).closely >= count // 2
