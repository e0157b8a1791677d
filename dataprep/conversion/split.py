"""Parts examples into training and validation: whole sessions, the latest for validation, equal ones on one side."""

from collections.abc import Sequence
from hashlib import blake2b

from dataprep.checks.likeness import Likenesses, lasting
from dataprep.checks.teaching import answers_of, talk_of
from dataprep.checks.texts import turns_of
from dataprep.conversion.sameness import marks_of
from dataprep.conversion.windows import Example
from dataprep.plural import counted


def split(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Return (training, validation), each in the given order; `share` of the examples at most are for validation.

    What has a time goes by it, the latest first; a session with no room left in validation stays in training, so that
    some of training may be later. What has no time is drawn by its own content.
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


def explain_split(training: Sequence[Example], validation: Sequence[Example], share: float) -> str:
    """Say why validation is empty though asked for, or not after training; empty where there is nothing to say."""
    total = len(training) + len(validation)
    room = int(total * share)
    if not share or not total:
        return ""
    if not room:
        return f"{share:g} of {counted(total, 'example')} is less than one, so nothing is set aside for validation."
    if not validation:
        most = counted(room, "example")
        kept = f"every session, with what equals it, is larger than the {most} that validation may have"
        return f"Nothing is set aside for validation: {kept}."
    began = min((one.start for one in validation if one.start is not None), default=None)
    later = sum(one.start is not None and began is not None and one.start > began for one in training)
    if not later:
        return ""
    kept = "a session that, with what equals it, was too large for validation or goes back further"
    return f"Training has {counted(later, 'example')} from after the beginning of validation: {kept}."


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
