"""Turns exports into training data, from the first look to the accounts; a table of contents of the steps."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataprep.checks.profiles import TARGETS
from dataprep.conversion.dialogues import examples_of
from dataprep.conversion.inputs import Input, Unread, find_inputs
from dataprep.conversion.ledger import Ledger
from dataprep.conversion.lines import scribe_for
from dataprep.conversion.options import Options
from dataprep.conversion.sameness import Contradiction, contradictions, without_duplicates
from dataprep.conversion.sessions import Chat, gather, sessions_of, sort
from dataprep.conversion.soundness import sound
from dataprep.conversion.speakers import Share, find_self, shares_of, tell_own
from dataprep.conversion.split import split
from dataprep.conversion.turns import Gaps, Line, conversations
from dataprep.conversion.verdict import judge
from dataprep.conversion.windows import Budget, Example, Window, windows_of
from dataprep.masking import Masker
from dataprep.records import Dialogue, Message
from dataprep.sources.source import UnreadableSource
from dataprep.tokens import TOKENS_PER_MESSAGE, count

# A chat, and what tells the assistant's messages in it.
Talk = tuple[Chat, Callable[[Message], bool]]


@dataclass(slots=True)
class Conversion:
    """What came of the inputs: examples in two parts, and everything the report tells about them."""

    inputs: list[Input]
    unread: list[Unread]
    options: Options
    ledger: Ledger
    training: list[Example] = field(default_factory=list)
    validation: list[Example] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    masked: dict[str, int] = field(default_factory=dict)
    speakers: list[Share] = field(default_factory=list)
    chats: int = 0
    sessions: int = 0
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def check(self, profile: str) -> dict[str, Any]:
        """What the check says of both parts, asked once for each profile; counts of examples are left alone."""
        if profile not in self.verdicts:
            valid = judge(self.validation, profile) if self.validation else None
            self.verdicts[profile] = {
                "profile": profile,
                "training": judge(self.training, profile, TARGETS[profile].minimum) if self.training else None,
                "validation": valid,
            }
        return self.verdicts[profile]


def convert(paths: Sequence[tuple[Path, str]], options: Options) -> Conversion:
    """Convert these (path, label) pairs; holds all messages in memory, about 600 bytes and its text for each.

    Raises:
        UnreadableSource: an input, or all in a folder, is of no known format, or broken; the message says why.
        NeedsMe: the data do not say who is to be the assistant.
        OSError: an input cannot be opened.
    """
    inputs, unread = find_inputs(paths, options.format, options.encoding)
    return convert_inputs(Conversion(inputs, unread, options, Ledger()))


def convert_inputs(conversion: Conversion) -> Conversion:
    """Read the inputs of a conversion and fill in everything else; raises as `convert` does."""
    options = conversion.options
    chats, dialogues = _read(conversion)
    masker = Masker()
    mask = masker.mask if options.mask else str
    talks = list(_talks(chats, conversion))
    examples = [
        *_examples_of_chats(talks, mask, conversion),
        *examples_of(dialogues, options, masker, conversion.ledger),
    ]
    examples = without_duplicates(list(sound(examples, conversion.ledger)), conversion.ledger)
    for example in examples:
        conversion.ledger.use(example.places)
    conversion.training, conversion.validation = split(examples, options.valid_share)
    conversion.contradictions = contradictions(conversion.training, conversion.validation)
    conversion.masked = dict(masker.counts)
    conversion.speakers = shares_of(
        ((chat.messages, own) for chat, own in talks),
        lambda message: conversion.ledger.is_used(message.place),
        mask,
    )
    return conversion


def _read(conversion: Conversion) -> tuple[list[Chat], list[Dialogue]]:
    """Read every row of every input into the ledger; return what may become examples.

    What was found in a folder and cannot be read becomes unread, unless nothing else is there.
    """
    messages, dialogues = list[tuple[str, Message]](), list[Dialogue]()
    read, faults = list[Input](), list[UnreadableSource]()
    for one in conversion.inputs:
        try:
            _enter(one, conversion.ledger, messages, dialogues)
        except UnreadableSource as unreadable:
            if not one.was_found:
                raise
            faults.append(unreadable)
            label = one.head.label
            conversion.unread.append(Unread(label, str(unreadable).removeprefix(f"{label}: ")))
        else:
            read.append(one)
    if faults and not read:
        raise faults[0]
    conversion.inputs = read
    return gather(messages), dialogues


def _enter(one: Input, ledger: Ledger, messages: list[tuple[str, Message]], dialogues: list[Dialogue]) -> None:
    for row in one.rows():
        ledger.enter(row.place, 1 if isinstance(row, Message) else row.rows)
        if isinstance(row, Message):
            messages.append((one.source.name, row))
        elif isinstance(row, Dialogue):
            dialogues.append(row)
            ledger.taken_out.update(row.taken_out)
        else:
            ledger.leave([row.place], row.reason, row.detail)


def _talks(chats: Sequence[Chat], conversion: Conversion) -> Iterator[Talk]:
    """Yield each chat, in order, with what tells the assistant's messages in it."""
    me = conversion.options.me
    named = find_self([chat.messages for chat in chats], me)
    conversion.chats = len(chats)
    for number, chat in enumerate(chats):
        sort(chat, conversion.ledger)
        yield chat, tell_own(chat.messages, me, named=named is not None and number in named)


def _examples_of_chats(talks: Iterable[Talk], mask: Callable[[str], str], conversion: Conversion) -> Iterator[Example]:
    options, ledger = conversion.options, conversion.ledger
    budget = _budget(options)
    for chat, own in talks:
        scribe = scribe_for(chat, own, options, mask)
        for session in sessions_of(chat.messages, options.session_gap * 60):
            start = session[0].timestamp
            for window in _windows(scribe.lines(session, ledger), budget, conversion):
                yield Example(window.body(budget), window.places, conversion.sessions, start, chat.name)
            conversion.sessions += 1


def _windows(lines: Iterable[Line], budget: Budget, conversion: Conversion) -> Iterator[Window]:
    options, ledger = conversion.options, conversion.ledger
    gaps = Gaps(options.merge_gap * 60, options.reply_gap * 60, options.max_turn_length)
    for talk in conversations(lines, gaps, ledger):
        yield from windows_of(talk, budget, ledger)


def _budget(options: Options) -> Budget:
    chosen = (options.system, options.only_addressed, options.add_time)
    if not options.max_tokens:
        return Budget(options.max_length, len, options.context, 0, *chosen)
    return Budget(options.max_tokens, count, options.context, TOKENS_PER_MESSAGE, *chosen)
