"""Parts examples into training and validation: whole sessions, the latest for validation, equal ones on one side."""

from collections.abc import Sequence
from hashlib import blake2b

from dataprep.checks.likeness import Likenesses, lasting
from dataprep.checks.teaching import answers_of, talk_of
from dataprep.checks.texts import turns_of
from dataprep.conversion.sameness import marks_of
from dataprep.conversion.windows import Example


def split(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Return (training, validation), each in the given order; `share` of the examples at most are for validation.

    What has a time goes by it, so that validation comes after training; what has none is drawn by its own content.
    """
    room = int(len(examples) * share)
    if not room:
        return list(examples), []
    groups = sorted(_groups(examples), key=lambda group: _latest_first(examples, group))
    chosen = set[int]()
    for group in groups:
        if len(chosen) + len(group) <= room:
            chosen.update(group)
    training = [example for number, example in enumerate(examples) if number not in chosen]
    return training, [examples[number] for number in sorted(chosen)]


def _groups(examples: Sequence[Example]) -> list[list[int]]:
    """The numbers of examples that belong together: of one session, with an equal question and answer, or nearly same.

    What is nearly the same is looked for as `check` does, in the first million characters.
    """
    parents = list(range(len(examples)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    first: dict[object, int] = {}
    likenesses = Likenesses(digest=lasting)
    for number, example in enumerate(examples):
        turns = turns_of(example.body, "chat")
        answers = (answer.mark for answer in answers_of(turns))
        for mark in (example.session, *marks_of(example), *answers):
            parents[root(number)] = root(first.setdefault(mark, number))
        for near, _ in likenesses.meet(talk_of(turns), number):
            parents[root(number)] = root(near)
    groups: dict[int, list[int]] = {}
    for number in range(len(examples)):
        groups.setdefault(root(number), []).append(number)
    return list(groups.values())


def _latest_first(examples: Sequence[Example], group: Sequence[int]) -> tuple[float, bytes]:
    """Groups with an early part must not stand for the future: the earliest time counts."""
    times = [start for number in group if (start := examples[number].start) is not None]
    drawn = blake2b(next(marks_of(examples[group[0]]), b""), digest_size=8).digest()
    return (-min(times) if times else 0.0), drawn
