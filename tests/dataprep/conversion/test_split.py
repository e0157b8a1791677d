"""Training and validation: whole sessions, the latest for validation, equal examples on one side."""

from hypothesis import given
from hypothesis import strategies as st

from dataprep.conversion.sameness import marks_of
from dataprep.conversion.split import explain_split, split
from dataprep.conversion.windows import Example


def example(question: str, answer: str, session: int, start: float | None) -> Example:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return Example({"messages": messages}, [], session, start)


def test_the_latest_sessions_are_for_validation() -> None:
    examples = [example(f"q{number}", "a", number, float(number)) for number in range(10)]
    training, validation = split(examples, 0.2)
    assert (validation, training) == (examples[8:], examples[:8])


def test_a_session_is_never_parted() -> None:
    examples = [example(f"q{number}", "a", number // 4, float(number // 4)) for number in range(12)]
    _, validation = split(examples, 0.4)
    assert validation == examples[8:]


def test_equal_examples_stay_on_one_side() -> None:
    examples = [example(f"q{number}", "a", number, float(number)) for number in range(9)]
    examples.append(example("Ｑ1 !", "A.", 9, 9.0))
    training, validation = split(examples, 0.2)
    assert examples[9] in training
    assert examples[1] in training
    assert validation == examples[7:9]


def test_why_there_is_no_validation_or_none_after_training_is_told() -> None:
    few = [example(f"q{number}", "a", number, float(number)) for number in range(4)]
    assert "less than one" in explain_split(*split(few, 0.1), 0.1)
    one_session = [example(f"q{number}", "a", 1, 1.0) for number in range(10)]
    assert "larger than the 2 examples" in explain_split(*split(one_session, 0.2), 0.2)
    long_end = [example(f"q{number}", "a", min(number, 6), float(min(number, 6))) for number in range(10)]
    training, validation = split(long_end, 0.2)
    assert validation == long_end[4:6]
    assert "Training has 4 examples from after the beginning of validation" in explain_split(training, validation, 0.2)
    assert "Training has 1 example from after" in explain_split(long_end[6:7], long_end[4:5], 0.5)
    ten = [example(f"q{number}", "a", number, float(number)) for number in range(10)]
    assert explain_split(*split(ten, 0.2), 0.2) == explain_split(ten, [], 0.0) == explain_split([], [], 0.5) == ""


def test_no_share_is_no_validation() -> None:
    examples = [example(f"q{number}", "a", number, None) for number in range(10)]
    assert split(examples, 0.0) == (examples, [])
    assert split([], 0.5) == ([], [])


LIT = "It is lit at dusk every evening, and the keeper himself climbs up to trim the wick and to polish the glass"


def test_near_copies_stay_on_one_side() -> None:
    examples = [example(f"q{number}", "a", number, float(number)) for number in range(9)]
    examples[0] = example("When is it lit?", f"{LIT} before the ships come in.", 0, 0.0)
    examples.append(example("When is it lit?", f"{LIT} before the ships come.", 9, 9.0))
    _, validation = split(examples, 0.2)
    assert validation == examples[7:9]


def test_an_answer_to_the_same_question_stays_on_one_side_whatever_was_said_before() -> None:
    examples = [example(f"q{number}", "a", number, float(number)) for number in range(10)]
    for number, lead in ((0, "Hello " * 40), (9, "Good evening " * 40)):
        lead_over = [{"role": "user", "content": lead}, {"role": "assistant", "content": f"{number} " * 60}]
        examples[number].messages[:] = [*lead_over, *example("Lit?", LIT, 0, 0).messages]
    _, validation = split(examples, 0.2)
    assert validation == examples[7:9]


def test_what_has_no_time_is_drawn_by_its_content_and_not_by_its_place() -> None:
    examples = [example(f"q{number}", "a", -number, None) for number in range(40)]
    _, validation = split(examples, 0.25)
    _, again = split(examples[::-1], 0.25)
    assert len(validation) == 10
    assert validation == again[::-1]
    assert validation not in (examples[:10], examples[30:])


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.none() | st.floats(0, 9)), max_size=40),
    st.floats(0, 0.5),
)
def test_nothing_is_lost_and_nothing_leaks(facts: list[tuple[str, int, float | None]], share: float) -> None:
    examples = [example(text, "a", session, start) for text, session, start in facts]
    training, validation = split(examples, share)
    assert len(validation) <= len(examples) * share
    assert sorted(map(id, training + validation)) == sorted(map(id, examples))
    for left, right in ((training, validation),):
        assert not {one.session for one in left} & {one.session for one in right}
        assert not {mark for one in left for mark in marks_of(one)} & {m for one in right for m in marks_of(one)}
