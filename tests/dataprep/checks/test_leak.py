"""What a validation file shares with its training file, and what only looks like it."""

import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep import Finding, leaks
from dataprep.checks.leak import MAX_COMPARED
from tests.dataprep.lines import assistant, chat, user

LAMP = chat(user("Who lit the lamp?"), assistant("The keeper."))
WIND = chat(user("How is the wind?"), assistant("It rose at ten."))
RAIN = chat(user("几点下雨？"), assistant("十点"))


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
    assert len(found) == 101
    assert (found[-1].line, found[-1].code, found[-1].severity) == (None, "leaks", "error")
    assert "120 of 121" in found[-1].message
    assert [one.line for one in found[:-1]] == list(range(2, 102))


def test_what_is_beyond_comparison_is_said() -> None:
    many = b"".join(b'{"n":%d}\n' % number for number in range(MAX_COMPARED))
    assert leaks(io.BytesIO(LAMP.encode()), io.BytesIO(many)) == []
    beyond = io.BytesIO(many + LAMP.encode())
    assert [(one.line, one.code) for one in leaks(io.BytesIO(LAMP.encode()), beyond)] == [(None, "partly_compared")]


def test_memory_does_not_grow_with_the_training_file() -> None:
    training = "".join(chat(user(f"{number}" + "x" * 1000), assistant()) + "\n" for number in range(5_000)).encode()
    stream = io.BytesIO(training)
    tracemalloc.start()
    assert leaks(stream, io.BytesIO(LAMP.encode())) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(training) / 20


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([LAMP.encode(), b"", b"[1]", b'{"a":', b"\xff\xfe", b'{"n":1e400}', b"[" * 9_000])))
def test_lines_that_are_no_example_are_passed_over_and_counted(lines: list[bytes]) -> None:
    found = leaks(io.BytesIO(LAMP.encode()), io.BytesIO(b"\n".join(lines)))
    assert [one.line for one in found] == [at for at, line in enumerate(lines, 1) if line == LAMP.encode()]
