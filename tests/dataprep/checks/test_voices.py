"""Who speaks in a whole file: contacts, sides, and names at the head of answers and in system messages."""

import io

import pytest

from dataprep import Finding, check
from tests.dataprep.lines import assistant, chat, user


def found(lines: list[str]) -> list[Finding]:
    """The findings of a file of these lines that are about voices."""
    codes = ("dominant_contact", "unbalanced_sides", "speaker_in_answer", "name_in_system_message")
    return [one for one in check(io.BytesIO("\n".join(lines).encode())).findings if one.code in codes]


def named(name: str, count: int) -> list[str]:
    """So many talks with somebody of this name."""
    return [chat(user(f"{name} asks {at}", name=name), assistant(f"{name} hears {at}")) for at in range(count)]


def played(system: str, answer: str = "Number {}.", count: int = 3) -> list[str]:
    """Talks under this system message."""
    first = {"role": "system", "content": system}
    return [chat(first, user(f"Say {at}."), assistant(answer.format(at))) for at in range(count)]


def test_a_contact_in_most_examples_is_told_if_there_are_others() -> None:
    (finding,) = found([*named("Ann", 13), *named("Bob", 9)])
    assert (finding.line, finding.code, finding.severity) == (None, "dominant_contact", "warning")
    assert "13 of 22 examples are talks with 'Ann'" in finding.message
    assert found([*named("Ann", 11), *named("Bob", 11)]) == []
    assert found(named("Ann", 30)) == []
    assert found([*named("Ann", 13), *named("Bob", 2)]) == []


def test_answers_that_are_next_to_nothing_beside_their_questions_are_told() -> None:
    heavy = [chat(user(f"{at} {'on and on ' * 50}"), assistant(f"It is {at}.")) for at in range(20)]
    (finding,) = found(heavy)
    assert (finding.line, finding.code) == (None, "unbalanced_sides")
    answered = sum(len(f"It is {at}.") for at in range(20))
    assert f"the answers are {answered} of " in finding.message
    assert found(heavy[:19]) == []
    assert found([chat(user(f"{at} {'on ' * 20}"), assistant(f"It is {at}.")) for at in range(20)]) == []


def test_the_own_name_before_answers_is_told_with_its_first_line() -> None:
    lines = played("You are Mira, the keeper.", "Mira: number {}.")
    (finding,) = found(lines)
    assert (finding.line, finding.code) == (None, "speaker_in_answer")
    assert "3 of 3 answers begin with the speaker's own name, 'Mira:' (first in line 1)" in finding.message
    assert found(lines[:2]) == []
    given = [chat(user(f"{at}?"), assistant(f"Mira： {at}", name="Mira")) for at in range(3)]
    assert [one.code for one in found(given)] == ["speaker_in_answer"]


@pytest.mark.parametrize(
    "system", ["Answer as 'Mood: sad' or 'Mood: glad'.", "You are Moodring, a judge.", "Tell the mood."]
)
def test_a_label_before_answers_is_no_name(system: str) -> None:
    assert found(played(system, "Mood: {}")) == []


@pytest.mark.parametrize("head", ["Mira:", "小北：", "Mira :"])
def test_what_stands_before_every_answer_is_told_with_how_often(head: str) -> None:
    lines = [chat(user(f"Say {at}."), assistant(f"{head} It is number {at}.")) for at in range(20)]
    (finding,) = found(lines)
    assert (finding.line, finding.code, finding.severity) == (None, "speaker_in_answer", "warning")
    assert f"all 20 answers begin with '{head.rstrip(' :：')}:' (first in line 1)" in finding.message
    assert "Leave it out if it is the speaker's name" in finding.message
    assert found(lines[:19]) == []
    assert found([*lines, chat(user("And?"), assistant("No more."))]) == []


def test_a_label_that_the_instructions_show_may_stand_before_every_answer() -> None:
    assert found(played("Answer in the form 'Mood': ...", "Mood: {}", 20)) == []
    assert [one.code for one in found(played("Tell the mood.", "Mood: {}", 20))] == ["speaker_in_answer"]


def test_what_each_answer_begins_with_differently_is_no_head() -> None:
    assert found([chat(user(f"Say {at}."), assistant(f"{'abcdefghijklmnopqrst'[at]}: {at}")) for at in range(20)]) == []
    assert found([chat(user(f"Say {at}."), assistant(f"https://lamp.test/{at}")) for at in range(20)]) == []


@pytest.mark.parametrize(
    ("system", "name"),
    [("你是林小北，一个聪明、热情、善良的人", "林小北"), ("请扮演王芳。", "王芳"), ("你是李明的分身", "李明")],
)
def test_a_persons_name_in_the_system_message_is_told(system: str, name: str) -> None:
    (finding,) = found(played(system))
    assert (finding.line, finding.code, finding.severity) == (None, "name_in_system_message", "warning")
    assert f"of line 1 names a person, '{name}'" in finding.message


def test_a_name_that_messages_bear_is_known_in_the_system_message() -> None:
    first = {"role": "system", "content": "You talk to ann, kindly."}
    assert [one.code for one in found([chat(first, user(name="Ann"), assistant())])] == ["name_in_system_message"]
    assert found([chat({"role": "system", "content": "Plan it."}, user(name="lan"), assistant())]) == []


@pytest.mark.parametrize(
    "system",
    ["你是程序员。", "你是高手，", "你是金融助手", "你是一个聪明的助手。", "You are Marv, a bot.", "你是管家"],
)
def test_a_part_to_play_is_no_persons_name(system: str) -> None:
    assert found(played(system)) == []
