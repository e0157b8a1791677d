"""When an example began stands in its system message, if that is wanted and known."""

from dataclasses import replace

from tests.dataprep.chats import ANSWERED, ASKED, ME, SHE, converted, left, said

LATER = [said(3, SHE, 60, "And the horn?"), said(4, ME, 61, "Loud.")]


def prompts(**options: object) -> list[str]:
    """The system messages of two conversations, an hour apart."""
    examples = converted([ASKED, ANSWERED, *LATER], **options).training
    return [message["content"] for one in examples for message in one.messages if message["role"] == "system"]


def test_each_example_says_when_it_began() -> None:
    assert prompts() == []
    assert prompts(add_time=True) == ["Current time: 1970-01-01 00:00", "Current time: 1970-01-01 01:00"]


def test_the_time_follows_the_system_message_that_was_asked_for() -> None:
    assert prompts(add_time=True, system="You keep a light.")[1] == "You keep a light.\nCurrent time: 1970-01-01 01:00"


def test_a_time_that_is_not_known_is_not_told() -> None:
    untimed = converted([replace(row, timestamp=None) for row in (ASKED, ANSWERED)], add_time=True)
    assert [message["role"] for message in untimed.training[0].messages] == ["user", "assistant"]


def test_the_time_takes_its_part_of_the_longest_example() -> None:
    talk = len(ASKED.text + ANSWERED.text)
    assert converted([ASKED, ANSWERED], max_length=talk).training
    assert left(converted([ASKED, ANSWERED], max_length=talk, add_time=True)) == {"too_long": 2}
