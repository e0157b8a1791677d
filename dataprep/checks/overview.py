"""What only the whole file shows: repetitions, contradictions, one-sidedness, counts; memory is bounded."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

from dataprep.checks.likeness import Likenesses
from dataprep.checks.phrasing import Turn
from dataprep.checks.profiles import RECOMMENDED_EXAMPLES, Profile
from dataprep.checks.report import Problem, Problems
from dataprep.checks.silence import is_blank, stands_for_media
from dataprep.checks.voices import MIN_FOR_SHARES, Voices
from dataprep.checks.wording import MAX_SHOWN, show
from dataprep.plural import counted

MAX_ANSWER_SHARE = 0.05
MAX_SHORT_SHARE = 0.5
MAX_LONGEST_SHARE = 0.5
_SHORT = 2
_MAX_SYSTEMS = 1_000
_MAX_ANSWERS = 20_000
_MAX_GIVEN = 200_000
_WHOLE_AT, _LINE_AT = 24, 25
_ENDS = " \n.!?…。！？"
_ANSWER = (1 << _WHOLE_AT) - 1


def normalise(text: str) -> str:
    """The text without what seldom makes a difference: width (？ and ?), case, blanks, full stops at its end."""
    return _without_stops(_fold(text))


def without_end(text: str) -> str:
    """The text without the marks that its last sentence ends with, whichever they are."""
    return text.rstrip(_ENDS)


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return "".join(text.casefold().split())


def _without_stops(folded: str) -> str:
    return folded.rstrip(".。") or folded


class Overview:
    """Gathers what examples have in common, one after the other."""

    def __init__(self, likenesses: Likenesses) -> None:
        self.examples = 0
        self._answers: Counter[str] = Counter()
        self._short = 0
        self._characters = 0
        self._longest, self._longest_line = 0, 0
        self._systems: dict[int, int] = {}
        self._without_system = 0
        # Of each talk that led up to an answer, in one number: the answer's line, whether it is the last one, its hash.
        self._given: dict[int, int] = {}
        self._likenesses = likenesses
        self._voices = Voices()

    def look(self, turns: Sequence[Turn], line: int) -> Problems:
        """Compare one example with those before it; yields what it repeats or contradicts."""
        self.examples += 1
        self._note_system(turns, line)
        self._voices.hear(turns, line)
        last = next((at for at in range(len(turns) - 1, -1, -1) if turns[at].role == "assistant"), None)
        if last is None:
            return
        folded = [_fold(turn.text) for turn in turns[: last + 1]]
        self._note_answer(folded[last], line)
        plain = list(map(_without_stops, folded))
        repetition = self._compare_answers(turns, plain, line)
        if repetition is not None:
            yield repetition
        # What is said of one picture may be said of another.
        if not turns[last].learned or repetition is not None or turns[last].shown or self._likenesses.sampler.spent:
            return
        talk = " ".join(without_end(turn.text) for turn in turns if turn.role != "system").casefold()
        near = self._likenesses.nearest(talk, line)
        if near is not None:
            detail = (
                f"the example is nearly the same as that of line {near[0]} ({near[1]:.0%} alike). Keep one of them."
            )
            yield Problem("", "near_duplicate", detail, "warning")

    def finish(self, examples: int, profile: Profile, minimum: int | None) -> Problems:
        """What the file as a whole lacks or has too much of; `minimum` is None where counts are nobody's matter."""
        if minimum is not None:
            yield from _check_count(examples, profile, minimum)
        yield from self._check_shares()
        yield from self._voices.finish()
        if self._systems and self._without_system:
            detail = (
                f"{self._without_system} of {self.examples} examples have no system message, the others have one."
                " Give all of them the one that will be used, or none."
            )
            yield Problem("", "system_message_missing", detail, "warning")
        if len(self._systems) > 1:
            detail = (
                f"there are {len(self._systems)} different system messages (lines"
                f" {', '.join(map(str, list(self._systems.values())[:5]))}). Train with the one that will be used."
            )
            yield Problem("", "system_message_varies", detail, "warning")

    def _note_system(self, turns: Sequence[Turn], line: int) -> None:
        if not turns or turns[0].role not in ("system", "developer"):
            self._without_system += 1
        elif len(self._systems) < _MAX_SYSTEMS:
            self._systems.setdefault(hash(turns[0].text), line)

    def _note_answer(self, plain: str, line: int) -> None:
        self._short += len(plain) <= _SHORT
        self._characters += len(plain)
        if len(plain) > self._longest:
            self._longest, self._longest_line = len(plain), line
        key = plain[:MAX_SHOWN]
        if key in self._answers or len(self._answers) < _MAX_ANSWERS:
            self._answers[key] += 1

    def _compare_answers(self, turns: Sequence[Turn], plain: Sequence[str], line: int) -> Problem | None:
        """Whether an answer, an early one too, contradicts that to the same question, or the whole example repeats."""
        given, asked, mark = self._given, False, 0
        for at, text in enumerate(plain):
            turn = turns[at]
            if turn.role == "assistant" and turn.learned:
                whole = at == len(plain) - 1
                packed = line << _LINE_AT | whole << _WHOLE_AT | hash(text) & _ANSWER
                known = given.get(mark)
                differs = known is not None and (known ^ packed) & _ANSWER
                if known is not None and differs and asked and known >> _LINE_AT != line:
                    return _contradict(turn, known >> _LINE_AT)
                if known is not None and not differs and whole and known >> _WHOLE_AT & 1:
                    return _repeat(known >> _LINE_AT)
                if (known is None and len(given) < _MAX_GIVEN) or (known is not None and whole):
                    given[mark] = packed
            # A picture is another each time, and what is said on after an answer answers nothing.
            if turn.role in ("user", "assistant"):
                asked = turn.role == "user" and _says_something(turn)
            mark = hash((mark, turn.role, text, turn.shown))
        return None

    def _check_shares(self) -> Problems:
        total = self._answers.total()
        if total < MIN_FOR_SHARES:
            return
        answer, count = self._answers.most_common(1)[0]
        if count > 2 and count > MAX_ANSWER_SHARE * total:
            detail = (
                f"{count} of {total} examples have the same answer, {show(answer)}; the model will say it too often."
                " Thin them out."
            )
            yield Problem("", "frequent_answer", detail, "warning")
        if self._short > MAX_SHORT_SHARE * total:
            detail = (
                f"{self._short} of {total} answers have at most {_SHORT} characters; the model will learn to be curt."
                " Leave some out, or join them with what was said next."
            )
            yield Problem("", "short_answers", detail, "warning")
        if self._longest > MAX_LONGEST_SHARE * self._characters:
            detail = (
                f"the answer of line {self._longest_line} has {self._longest} of the {self._characters} characters of"
                " all answers; the model will learn it more than the others. Shorten it, or leave it out."
            )
            yield Problem("", "dominant_answer", detail, "warning")


def _says_something(turn: Turn) -> bool:
    """Whether it does so in words."""
    return not is_blank(turn.text) and stands_for_media(turn.text) is None


def _contradict(answer: Turn, first: int) -> Problem:
    detail = f"the answer {show(answer.text)} contradicts that of line {first} to the same question. Keep one of them."
    return Problem(answer.pointer, "contradiction", detail, "warning")


def _repeat(first: int) -> Problem:
    detail = (
        f"the example says the same as that of line {first} but for case, width, blanks or a full stop at an end."
        " Keep one of them."
    )
    return Problem("", "similar_example", detail, "warning")


def check_size(size: int, profile: Profile) -> Problems:
    """Whether the target takes a file of so many bytes, and in one piece."""
    if profile.max_bytes is not None and size > profile.max_bytes:
        detail = f"the file has {size} bytes, but {profile.name} takes at most {profile.max_bytes}. Split it."
        yield Problem("", "file_too_large", detail)
    elif profile.max_whole_bytes is not None and size > profile.max_whole_bytes:
        detail = (
            f"the file has {size} bytes: above {profile.max_whole_bytes}, {profile.name} wants it in chunks, and may"
            " fail without a word otherwise. Use the upload in parts, or split the file."
        )
        yield Problem("", "chunked_upload_needed", detail, "warning")


def _check_count(examples: int, profile: Profile, minimum: int) -> Problems:
    if examples < minimum:
        detail = (
            f"the file has {counted(examples, 'example')}, but {profile.name} asks for at least {minimum}. Add some."
        )
        yield Problem("", "too_few_examples", detail)
    elif examples < RECOMMENDED_EXAMPLES:
        detail = (
            f"the file has {counted(examples, 'example')}. From {RECOMMENDED_EXAMPLES} on results get better as a rule."
        )
        yield Problem("", "few_examples", detail, "warning")
    if profile.maximum is not None and examples > profile.maximum:
        detail = f"the file has {examples} examples, but {profile.name} takes at most {profile.maximum}. Split it."
        yield Problem("", "too_many_examples", detail)
