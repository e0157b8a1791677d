"""What an example teaches: its learned answers with their questions, as marks to compare; weight 0 is mere context."""

from collections.abc import Iterator, Sequence
from sys import intern
from typing import NamedTuple

from dataprep.checks.overview import normalise, without_end
from dataprep.checks.phrasing import Turn

# Fourteen Chinese characters or some nine English words; what is shorter, greetings among it, may well come twice.
MIN_ANSWER_BYTES = 42


class Answer(NamedTuple):
    """A hash of a learned answer together with the question right before it, and the JSON pointer to the answer."""

    mark: int
    pointer: str


def answers_of(turns: Sequence[Turn]) -> Iterator[Answer]:
    """The learned answers that are no greeting, but for case, width, blanks and full stops at ends."""
    asked, shown = "", 0
    for turn in turns:
        if turn.role == "user":
            asked, shown = turn.text, turn.shown
        elif turn.role == "assistant":
            answer = normalise(turn.text) if turn.learned and asked else ""
            if len(answer.encode("utf-8", "replace")) >= MIN_ANSWER_BYTES:
                yield Answer(hash((normalise(asked), shown, answer)), intern(turn.pointer))
            asked = ""


def talk_of(turns: Sequence[Turn]) -> str:
    """The words of all learned answers and of what was said before each, without instructions and mere context."""
    learned, waiting = list[str](), list[str]()
    for turn in turns:
        if turn.role in ("system", "developer"):
            continue
        waiting.append(without_end(turn.text))
        if turn.role == "assistant":
            learned += waiting if turn.learned else ()
            waiting = []
    return " ".join(learned).casefold()
