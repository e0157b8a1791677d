"""What a validation file shares with its training file, and what only looks like it."""

import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep import Finding, Report, add_leaks, leaks
from dataprep.checks import leak
from dataprep.checks.report import MAX_KEPT_FINDINGS, Problem
from dataprep.checks.teaching import MIN_ANSWER_BYTES
from tests.dataprep.lines import assistant, chat, user

LAMP = chat(user("Who lit the lamp?"), assistant("The keeper."))
WIND = chat(user("How is the wind?"), assistant("It rose at ten."))
RAIN = chat(user("几点下雨？"), assistant("十点"))
WORDS = "The keeper climbs the stairs at dusk and trims the wick before he lights the lamp for the ships out there"
LONG = f"{WORDS} and then he notes the wind, the tide and the weather in his book until the morning comes."


def compare(training: list[str], validation: list[str]) -> list[Finding]:
    """The leaks between files of these lines."""
    files = ("".join(line + "\n" for line in lines).encode() for lines in (training, validation))
    return leaks(*map(io.BytesIO, files))


def codes(training: list[str], validation: list[str]) -> list[tuple[int | None, str, str]]:
    """Line, code and severity of each leak."""
    return [(one.line, one.code, one.severity) for one in compare(training, validation)]


def test_a_validation_example_that_is_trained_on_is_an_error_that_names_both_lines() -> None:
    (finding,) = compare([WIND, LAMP, LAMP], [RAIN, "", LAMP])
    assert (finding.line, finding.code, finding.severity) == (3, "leak", "error")
    assert finding.message.startswith("Line 3: ")
    assert "line 2" in finding.message


def test_other_examples_and_repetitions_within_one_file_are_no_leak() -> None:
    assert compare([LAMP, LAMP, WIND], [RAIN, RAIN]) == []


def test_the_order_of_keys_and_blanks_between_them_make_no_other_example() -> None:
    spaced = json.dumps(json.loads(LAMP), indent=None, separators=(" ,  ", " : "), sort_keys=True)
    assert spaced != LAMP
    assert codes([LAMP], [spaced]) == [(1, "leak", "error")]


@pytest.mark.parametrize(
    "again",
    [
        chat(user("几点下雨? "), assistant("十点")),
        chat(user("几点 下雨？"), assistant(" 十点")),
        chat(user("几点下雨？"), assistant("十点", weight=1)),
    ],
)
def test_what_differs_in_width_blanks_or_weights_alone_is_a_warning(again: str) -> None:
    assert codes([RAIN], [again]) == [(1, "similar_leak", "warning")]
    assert codes([again], [RAIN]) == [(1, "similar_leak", "warning")]


def test_case_makes_no_difference_whichever_file_has_it() -> None:
    small = LAMP.lower()
    assert codes([LAMP], [small]) == codes([small], [LAMP]) == [(1, "similar_leak", "warning")]


def test_the_same_question_with_another_answer_is_no_leak() -> None:
    assert compare([LAMP], [chat(user("Who lit the lamp?"), assistant("His daughter."))]) == []
    assert compare([LAMP], [chat(user("Who lit the lamp?"), assistant("The keeper."), user(), assistant())]) == []


def test_a_few_changed_words_of_many_are_a_warning_that_names_the_nearest_line() -> None:
    training = [LAMP, chat(user("What does he do?"), assistant(LONG.replace("wind", "moon").replace("dusk", "ten")))]
    training += [chat(user("What does he do?"), assistant(LONG.replace("morning", "daylight"))), WIND]
    (finding,) = compare(training, [WIND.replace("wind", "sea"), chat(user("What does he do?"), assistant(LONG))])
    assert (finding.line, finding.code, finding.severity) == (2, "near_leak", "warning")
    assert "line 3 of the training file" in finding.message
    assert finding.message.endswith("Keep one of them.")


def test_chinese_is_compared_by_characters() -> None:
    text = "灯塔看守人在傍晚点亮了灯，记下风向和潮汐，然后一直守到海鸥在天亮的时候把他叫醒为止"
    again = text.replace("为止", "")
    told = codes([chat(user("他做什么？"), assistant(text))], [chat(user("他做什么？"), assistant(again))])
    assert told == [(1, "near_leak", "warning")]


def test_texts_that_share_a_subject_alone_are_no_near_leak() -> None:
    other = "Before he lights the lamp for the ships the keeper sits down, and he has his supper with his daughter."
    assert compare([chat(user("What does he do?"), assistant(LONG))], [chat(user("And then?"), assistant(other))]) == []


def test_what_was_only_context_makes_no_example_nearly_the_same() -> None:
    context = [user("What does he do?"), assistant(LONG, weight=0)]
    fog = chat(*context, user("And in fog?"), assistant("He sounds the horn."))
    ice = chat(*context, user("And in frost?"), assistant("He scrapes the ice off the panes."))
    assert compare([fog], [ice]) == []
    assert [one.code for one in compare([chat(*context[:1], assistant(LONG))], [ice])] == []


def test_a_shared_system_message_makes_no_example_nearly_the_same() -> None:
    system = {"role": "system", "content": LONG * 3}
    assert compare([chat(system, *json.loads(LAMP)["messages"])], [chat(system, user(WORDS), assistant())]) == []
    other = chat(system, user("How high is it, from the rocks?"), assistant("Forty metres and some steps, they say."))
    assert compare([other], [chat(system, user("Where do the ships come from?"), assistant("From all over."))]) == []


def test_an_answer_that_is_trained_after_the_same_question_is_a_warning_at_its_place() -> None:
    shared = [user("What does he do?"), assistant(WORDS)]
    before = chat(user("Who is that?"), assistant("The keeper of the light."), *shared)
    after = chat(*shared, user("Is he alone up there?"), assistant("His daughter brings him supper, and reads " + LONG))
    (finding,) = compare([LAMP, before], [WIND.replace("wind", "sea"), after])
    assert (finding.line, finding.pointer) == (2, "/messages/1/content")
    assert (finding.code, finding.severity) == ("neighbour_leak", "warning")
    assert "line 2." in finding.message
    assert finding.message.endswith("or drop the example.")


def pair(answer: str, question: str = "What does he do?", *, weight: int = 1, lead: str = "Who is that?") -> str:
    """An example in which a question and its answer stand between other ones that no two examples share."""
    other = " ".join(f"{lead}{number}" for number in range(40))
    middle = [user(question), assistant(answer, weight=weight)]
    return chat(user(lead), assistant(f"A {lead} man."), *middle, user(other), assistant(lead + other))


@pytest.mark.parametrize("flip", [False, True])
def test_weight_0_makes_an_answer_context_on_either_side(flip: bool) -> None:
    sides = [pair(WORDS, weight=0), pair(WORDS, lead="Since when?")]
    assert compare([sides[flip]], [sides[not flip]]) == []


def test_case_width_and_blanks_of_a_shared_answer_make_no_difference() -> None:
    again = pair(f" {WORDS.upper()}", "What  does he do？", lead="Since when?")
    assert codes([pair(WORDS)], [again]) == [(1, "neighbour_leak", "warning")]


def test_the_same_answer_to_another_question_is_no_leak() -> None:
    assert compare([pair(WORDS)], [pair(WORDS, "What is his duty?", lead="Since when?")]) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("Hello! How can I help you today?", 0),
        ("您好，请问有什么可以帮您的吗？", 0),
        ("x" * (MIN_ANSWER_BYTES - 1), 0),
        ("x" * MIN_ANSWER_BYTES, 1),
        ("您好，看守人正在塔上擦玻璃，请稍等一会儿", 1),
    ],
)
def test_greetings_may_come_twice(answer: str, told: int) -> None:
    assert len(compare([pair(answer)], [pair(answer, lead="Since when?")])) == told


def test_a_line_has_its_gravest_leak_alone() -> None:
    one = chat(user("What does he do?"), assistant(LONG))
    small = one.replace("keeper", "Keeper")
    near = chat(user("What does he do?"), assistant(LONG.replace("morning", "daylight")), user("Why?"), assistant(LONG))
    assert codes([near, small, one], [one, near]) == [(1, "leak", "error"), (2, "leak", "error")]
    assert codes([near, small], [one]) == [(1, "similar_leak", "warning")]
    twice = chat(user("What does he do?"), assistant(LONG), user("Really?"), assistant("Yes."))
    assert codes([one], [twice]) == [(1, "near_leak", "warning")]


def test_preferences_and_completions_leak_too() -> None:
    def preference(answer: str, question: str) -> str:
        given = {"messages": [user(question)]}
        said = {"preferred_output": [assistant(answer)], "non_preferred_output": [assistant(WORDS)]}
        return json.dumps({"input": given, **said})

    near = LONG.replace("morning", "daylight")
    assert [one.code for one in compare([preference(LONG, "Hm?")], [preference(near, "Hm?")])] == ["near_leak"]
    completion = [json.dumps({"prompt": "What does he do?", "completion": text}) for text in (LONG, near)]
    assert [one.code for one in compare(completion[:1], completion[1:])] == ["near_leak"]


def test_another_picture_makes_another_example() -> None:
    def seen(url: str) -> str:
        return chat(user([{"type": "image_url", "image_url": {"url": url}}]), assistant("A lamp."))

    assert compare([seen("https://example.com/1.png")], [seen("https://example.com/2.png")]) == []
    assert len(compare([seen("https://example.com/1.png")], [seen("https://example.com/1.png")])) == 1


def test_a_byte_order_mark_and_the_line_ending_make_no_difference() -> None:
    training = io.BytesIO(b"\xef\xbb\xbf" + LAMP.encode() + b"\r\n")
    assert [one.code for one in leaks(training, io.BytesIO(LAMP.encode()))] == ["leak"]


def test_many_leaks_are_capped_but_counted() -> None:
    lines = [chat(user(f"What is {number} times three?"), assistant(str(number * 3))) for number in range(120)]
    found = compare(lines, [WIND, *lines])
    assert len(found) == 100
    assert (found[-1].line, found[-1].code, found[-1].severity) == (None, "leaks", "error")
    assert "120 of 121" in found[-1].message
    assert [one.line for one in found[:-1]] == list(range(2, 101))


def test_what_is_beyond_comparison_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak, "MAX_COMPARED", 100)
    many = b"".join(b'{"n":%d}\n' % number for number in range(100))
    assert leaks(io.BytesIO(LAMP.encode()), io.BytesIO(many)) == []
    beyond = io.BytesIO(many + LAMP.encode())
    assert [(one.line, one.code) for one in leaks(io.BytesIO(LAMP.encode()), beyond)] == [(None, "partly_compared")]


def test_answers_beyond_comparison_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak, "MAX_ANSWERS", 1)
    lines = [chat(user(), assistant(WORDS)), chat(user("Ho"), assistant(WORDS[::-1]))]
    assert codes([LAMP], lines[:1]) == []
    assert codes([LAMP], lines) == [(None, "partly_compared", "warning")]


def test_likeness_beyond_its_budget_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak, "MAX_TRAINED_CHARACTERS", 2 * len(LONG))
    lines = [chat(user(f"What {number}?"), assistant(LONG)) for number in range(3)]
    assert codes(lines[:1], [chat(user(), assistant(WORDS))]) == []
    assert codes(lines, [chat(user(), assistant(WORDS))]) == [(None, "partly_compared", "warning")]
    assert codes(lines, [WIND]) == []  # nothing in it is long enough to be looked for


def test_a_training_file_of_no_examples_is_an_error_and_no_all_clear() -> None:
    for other in (b"", b"id,text\n1,Hi\n", LAMP.encode("utf-16")):
        (finding,) = leaks(io.BytesIO(other), io.BytesIO(LAMP.encode()))
        assert (finding.line, finding.code, finding.severity) == (None, "nothing_compared", "error")


def test_leaks_join_the_findings_of_a_check_and_its_counts() -> None:
    report = Report()
    for line in range(1, MAX_KEPT_FINDINGS + 1):
        report.add(line, Problem("", "unknown_key", "odd.", "warning"))
    add_leaks(report, io.BytesIO(LAMP.encode()), io.BytesIO(f"{WIND}\n{LAMP}".encode()))
    assert (report.ok, report.errors, report.warnings) == (False, 1, MAX_KEPT_FINDINGS)
    assert len(report.findings) == MAX_KEPT_FINDINGS
    assert [one.line for one in report.findings] == sorted(one.line or 0 for one in report.findings)
    assert [one.code for one in report.findings if one.line == 2] == ["unknown_key", "leak"]


def test_memory_does_not_grow_with_the_training_file() -> None:
    training = "".join(chat(user(f"{number}" + "x" * 1000), assistant()) + "\n" for number in range(1_000)).encode()
    stream = io.BytesIO(training)
    validation = io.BytesIO(f"{LAMP}\n{chat(user(), assistant(LONG))}".encode())
    tracemalloc.start()
    assert leaks(stream, validation) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(training) / 20


ODD = [b"", b"[1]", b'{"a":', b"\xff\xfe", b'{"n":1e400}', b"[" * 9_000, b'{"messages":5}', b'{"prompt":null}']
ODD += [b'{"messages":[5,{"role":[],"content":{}},{"role":"assistant"}]}', b'{"input":3,"preferred_output":[null,{}]}']


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([LAMP.encode(), *ODD])))
def test_lines_that_are_no_example_are_passed_over_and_counted(lines: list[bytes]) -> None:
    found = leaks(io.BytesIO(LAMP.encode()), io.BytesIO(b"\n".join(lines)))
    assert [one.line for one in found] == [at for at, line in enumerate(lines, 1) if line == LAMP.encode()]
