"""Tells at a glance which lines of a large file may hold an error in their wording; `phrasing` finds out.

An error there are secret keys and answers without words. What is passed over here has none, written in ASCII.
"""

import re
from collections.abc import Sequence

from dataprep.checks.shapes import PlainMessage
from dataprep.checks.silence import MAX_NOTE, NOTE_ENDS, NOTE_PAIRS, OPENING, UNSEEN

# The keys that `masking` knows, by a letter of theirs that is rare in texts: that they look for it makes them quick.
# Nothing is asked of what stands before a key, since it may be the last letter of an escape.
_DASHED = re.compile(
    rb"-(?:(?<=sk-)[A-Za-z0-9_-]{16}|(?<=glpat-)[A-Za-z0-9_-]{20}|(?<=pypi-)[A-Za-z0-9_-]{40}"
    rb"|(?<=xox[abeoprs]-)[A-Za-z0-9-]{10}|----BEGIN )"
).search
_UNDERSCORED = re.compile(
    rb"_(?:(?<=[srp]k_)(?:live|test)_[A-Za-z0-9]{16}|(?<=gh[pousr]_)[A-Za-z0-9]{30}|(?<=github_)pat_[A-Za-z0-9_]{30}"
    rb"|(?<=hf_)[A-Za-z0-9]{30}|(?<=npm_)[A-Za-z0-9]{30})"
).search
_WITH_A = re.compile(
    rb"A(?:KI[AD][A-Za-z0-9]{13}|SIA[A-Z0-9]{16}|Iza[A-Za-z0-9_-]{35}|(?<=LTA)I[A-Za-z0-9]{12})"
).search
_WITH_J = re.compile(rb"J(?<=eyJ)[A-Za-z0-9_-]{8}").search
# A slash may stand behind a backslash.
_BEARER = re.compile(rb"B(?=earer [A-Za-z0-9._~+/\\-]{16})").search
_LOWER_BEARER = re.compile(rb"b(?=earer [A-Za-z0-9._~+/\\-]{16})").search
_STARTS = OPENING | frozenset(UNSEEN)


def may_lack_words(messages: Sequence[PlainMessage]) -> bool:
    """Whether an answer of a clean line is worth a closer look, since it may say nothing.

    `scanner.wat` hands on whatever this is true of.
    """
    # The answers, from the last one: messages take turns, and the first is none.
    for message in messages[:0:-2]:
        text = message.content
        if text[0] in _STARTS or text[-1] in UNSEEN or (len(text) <= MAX_NOTE and _may_end_note(text[-2:])):
            return True
    return False


def _may_end_note(last: str) -> bool:
    """Whether these two letters, or this one, may be the last of a note that stands for a medium."""
    return last[-1] in NOTE_ENDS and (not last.isascii() or last.lower() in NOTE_PAIRS)


def may_hold_secret(line: bytes) -> bool:
    """Whether something in a line of JSON has the form of a secret key."""
    return may_hold_rare_letters(line) or may_hold_bearer(line)


def may_hold_rare_letters(line: bytes) -> bool:
    """Whether it is one with a letter that is rare in texts."""
    return bool(
        (b"-" in line and _DASHED(line))
        or (b"_" in line and _UNDERSCORED(line))
        or (b"A" in line and _WITH_A(line))
        or (b"J" in line and _WITH_J(line))
        or (b"B" in line and _BEARER(line))
    )


def may_hold_bearer(line: bytes) -> bool:
    """Whether it is one behind the word bearer in small letters, none of which is rare."""
    return _LOWER_BEARER(line) is not None
