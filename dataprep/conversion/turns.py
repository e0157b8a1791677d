"""Makes turns of a session's messages and exchanges of its turns; how many go into one example is not decided here."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dataprep.conversion.cleaning import normalise
from dataprep.conversion.kinds import Side, is_placeholder
from dataprep.conversion.ledger import Ledger
from dataprep.records import Place

# What was said longer ago, in turns, stands in another example: a quotation of it is no repetition.
MAX_KNOWN_TURNS = 200
# Seconds after which words are hardly about the picture before them.
WORDLESS_GAP = 120.0


@dataclass(frozen=True, slots=True)
class Line:
    """One message, ready: on whose side, with clean words.

    `quoted_by`: who said what it quotes, in a group. `quoted_place`: the row of that, where it is in the chat. `cut`:
    the talk ends here. `pause`: it was dropped, but what the other side says next may be about it.
    """

    place: Place
    side: Side
    text: str
    at: float | None
    has_words: bool = True
    quoted: str = ""
    quoted_by: str = ""
    quoted_place: Place | None = None
    addressed: bool = False
    cut: bool = False
    pause: bool = False


@dataclass(slots=True)
class Turn:
    """What one side said in one go; the user's side may be several people.

    `parted`: something that was dropped came before, which it may be about.
    """

    side: Side
    lines: list[Line] = field(default_factory=list)
    parted: bool = False

    @property
    def text(self) -> str:
        """All lines as one text."""
        return "\n".join(line.text for line in self.lines if line.text)

    @property
    def places(self) -> list[Place]:
        """The rows it was made of; a quotation put in may have none."""
        return [line.place for line in self.lines if line.place.row]

    @property
    def has_words(self) -> bool:
        """Whether anything was said in words."""
        return any(line.has_words for line in self.lines)


@dataclass(slots=True)
class Exchange:
    """A question and its answer."""

    user: Turn
    assistant: Turn

    @property
    def addressed(self) -> bool:
        """Whether the answer was asked for by name, or says what it answers."""
        return any(line.addressed for line in (*self.user.lines, *self.assistant.lines))


@dataclass(frozen=True, slots=True)
class Gaps:
    """`merge` and `reply` are seconds, `longest` characters of one turn."""

    merge: float
    reply: float
    longest: int


def conversations(lines: Iterable[Line], gaps: Gaps, ledger: Ledger) -> Iterator[list[Exchange]]:
    """Yield stretches of one session in which question and answer alternate; what does not fit is left, with why."""
    walk = _Walk(gaps, ledger)
    for turn in _turns(lines, gaps.merge):
        yield from walk.take(turn)
    yield from walk.stop()


def _turns(lines: Iterable[Line], merge: float) -> Iterator[Turn]:
    """Join neighbouring lines of one side; a cut is a turn of its own."""
    turn: Turn | None = None
    parted = False
    for line in lines:
        if line.pause:
            parted = turn is None or turn.side != line.side or parted
            if turn is not None and turn.side != line.side:
                yield turn
                turn = None
            continue
        if turn is not None and _joins(turn, line, merge):
            turn.lines.append(line)
            continue
        if turn is not None:
            yield turn
        turn, parted = Turn(line.side, [line], parted), False
    if turn is not None:
        yield turn


def _joins(turn: Turn, line: Line, merge: float) -> bool:
    """Whether a line goes on with a turn: by the same side, soon enough, and without a cut between them."""
    last = turn.lines[-1]
    gap = merge if last.has_words or turn.side == "assistant" else min(merge, WORDLESS_GAP)
    return turn.side == line.side and not line.cut and not last.cut and _apart(turn, line.at) <= gap


def _apart(turn: Turn, at: float | None) -> float:
    last = turn.lines[-1].at
    return at - last if at is not None and last is not None else 0.0


class _Walk:
    """One pass over the turns of a session; `_asked` waits for its answer."""

    def __init__(self, gaps: Gaps, ledger: Ledger) -> None:
        self._gaps = gaps
        self._ledger = ledger
        self._asked: Turn | None = None
        self._talk: list[Exchange] = []
        self._said: deque[str] = deque(maxlen=MAX_KNOWN_TURNS)
        # Whether nothing was said since an answer, which then may go on.
        self._answered = False

    def take(self, turn: Turn) -> Iterator[list[Exchange]]:
        """Go one turn on; yields the conversation that this turn ends, if it does."""
        if turn.lines[0].cut:
            yield from self.stop()
        elif turn.side == "user":
            yield from self._ask(turn)
        else:
            yield from self._answer(turn)

    def stop(self) -> Iterator[list[Exchange]]:
        """End the conversation here; a question that still waits has no answer."""
        self._forget("no_answer")
        if self._talk:
            yield self._talk
        self._talk = []
        self._answered = False
        self._said.clear()

    def _ask(self, turn: Turn) -> Iterator[list[Exchange]]:
        self._answered = False
        if not turn.has_words:
            self._ledger.leave(turn.places, "no_words")
            return
        _insert_quotes(turn, list(turn.lines), [*self._said, normalise(self._asked.text) if self._asked else ""])
        if self._asked is None:
            self._asked = turn
        elif (apart := _apart(self._asked, turn.lines[0].at)) <= self._gaps.merge:
            self._asked.lines += turn.lines
        else:
            if apart > self._gaps.reply:
                yield from self.stop()
            self._forget("no_answer")
            self._asked = turn
        self._trim(self._asked)

    def _answer(self, turn: Turn) -> Iterator[list[Exchange]]:
        quotes = any(line.quoted for line in turn.lines)
        if self._asked and not quotes and _apart(self._asked, turn.lines[0].at) > self._gaps.reply:
            yield from self._refuse(turn, "late_answer")
            return
        if self._asked and _apart(self._asked, turn.lines[0].at) > self._gaps.reply:
            self._drop_unless_quoted(turn)
        asked = self._asked or Turn("user")
        _insert_quotes(asked, turn.lines, [])
        if not asked.lines:
            yield from self._refuse(turn, "afterthought" if self._answered and not turn.parted else "no_question")
        elif len(turn.text) > self._gaps.longest:
            yield from self._refuse(turn, "turn_too_long")
        else:
            self._talk.append(Exchange(asked, turn))
            self._said += normalise(asked.text), normalise(turn.text)
            self._asked, self._answered = None, True

    def _refuse(self, turn: Turn, reason: str) -> Iterator[list[Exchange]]:
        """Leave out an answer; what comes later may lean on it, so the conversation ends."""
        self._ledger.leave(turn.places, reason)
        yield from self.stop()

    def _drop_unless_quoted(self, answer: Turn) -> None:
        """A late answer belongs to what it quotes alone."""
        known = normalise(self._asked.text) if self._asked else ""
        if not any(normalise(line.quoted) in known for line in answer.lines if line.quoted):
            self._forget("no_answer")

    def _forget(self, reason: str) -> None:
        if self._asked is not None:
            self._ledger.leave(self._asked.places, reason)
        self._asked = None

    def _trim(self, asked: Turn) -> None:
        """Let the earliest lines of a question go until it is no longer than a turn may be."""
        length, early = len(asked.text), 0
        while length > self._gaps.longest and early < len(asked.lines):
            line = asked.lines[early]
            early += 1
            length -= len(line.text) + 1
            self._ledger.leave([line.place] if line.place.row else [], "turn_too_long")
        del asked.lines[:early]
        if not asked.lines:
            self._asked = None


def _insert_quotes(into: Turn, lines: Sequence[Line], said: Sequence[str]) -> None:
    """Put what the lines quote into the question, unless it stands there or was said (normalised) already."""
    if not any(line.quoted for line in lines):
        return
    known = [normalise(into.text), *said]
    for line in lines:
        quoted = normalise(line.quoted)
        if not quoted or is_placeholder(line.quoted) or any(quoted in text for text in known):
            continue
        known.append(quoted)
        into.lines.insert(_place_of(line, into), _quotation(line, alone=not into.lines))


def _place_of(line: Line, turn: Turn) -> int:
    """Before the line that quotes if it is in the turn, else at its end."""
    return next((at for at, one in enumerate(turn.lines) if one is line), len(turn.lines))


def _quotation(line: Line, *, alone: bool) -> Line:
    quoted = line.quoted_by + line.quoted
    text = quoted if alone else "\n".join(f"> {part}" for part in quoted.split("\n"))
    return Line(line.quoted_place or Place(line.place.file, 0), "user", text, line.at)
