"""Keeps account of every row: it was used, or left behind for one reason; both add up to the rows that came in."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dataprep.records import Place

MAX_DETAILS = 20
# In words, those that do not explain themselves as `{kind}_dropped`, `{kind}_cut` and the readers' own do.
REASONS = {
    "no_question": "said by the assistant's side without a question before it",
    "no_answer": "nobody answered",
    "late_answer": "the answer came after the reply gap",
    "afterthought": "the assistant's side goes on after the merge gap, unasked",
    "no_words": "a question of pictures, stickers and the like alone",
    "not_addressed": "the answer neither quotes a message nor was asked for by @name",
    "turn_too_long": "longer than the longest turn allowed",
    "too_long": "question and answer are longer than an example may be",
    "blocked_word": "holds a blocked word",
    "empty": "no text is left",
    "caption_cut": "words of the assistant's side beneath a picture or video lean on it: the talk is cut there",
    "quote_without_text": "a reply whose text the export does not carry",
    "duplicate": "the example is the same as an earlier one",
    "duplicate_message": "the message stands in the input twice",
    "blank": "nothing stands there",
    "broken_row": "cannot be read as what it should be",
    "comment": "a remark of the program that wrote the file",
    "contacts": "a contact, no message",
    "header": "it names the columns, or says what the file is",
    "hidden_sheet": "stands in a hidden sheet",
    "no_columns": "stands in a sheet without columns of questions and answers",
    "no_pair": "neither a question nor an answer",
    "stray_line": "belongs to no message",
    "breaks_off": "the file cannot be read from here on, and what follows is not counted",
    "unaccounted": "the reader returned the row, but no step took it up; please report this",
}


@dataclass(slots=True)
class Account:
    """The rows of one file, or of all: `rows` came in, `used` went into examples, `left` counts the rest by reason."""

    rows: int = 0
    used: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Account") -> None:
        """Add another file's account to this one."""
        self.rows += other.rows
        self.used += other.used
        self.left.update(other.left)


@dataclass(slots=True)
class _Entry:
    rows: int
    reason: str | None = None
    used: bool = False


class Ledger:
    """The book: every row is entered once, then used or left. To be used outweighs, else the first reason counts."""

    def __init__(self) -> None:
        self._files: dict[str, dict[int, _Entry]] = {}
        self._details: dict[str, dict[Place, str]] = {}
        self.taken_out: Counter[str] = Counter()

    def enter(self, place: Place, rows: int = 1) -> None:
        """Take in a row, or several that are one thing."""
        entries = self._files.setdefault(place.file, {})
        entry = entries.get(place.row)
        if entry is None:
            entries[place.row] = _Entry(rows)
        else:
            entry.rows += rows

    def use(self, places: Iterable[Place]) -> None:
        """Say that these rows are part of an example."""
        for place in places:
            self._files[place.file][place.row].used = True

    def leave(self, places: Iterable[Place], reason: str, detail: str = "") -> None:
        """Say why these rows are left behind; `detail` is kept of the first MAX_DETAILS for each reason."""
        for place in places:
            entry = self._files[place.file][place.row]
            if entry.reason is None:
                entry.reason = reason
                if detail and len(kept := self._details.setdefault(reason, {})) < MAX_DETAILS:
                    kept[place] = detail

    def is_used(self, place: Place) -> bool:
        """Whether a row is part of an example."""
        return self._files[place.file][place.row].used

    def details(self) -> dict[str, list[tuple[Place, str]]]:
        """Return the first MAX_DETAILS rows left for each reason, each with what is known of it, perhaps nothing."""
        first: dict[str, list[tuple[Place, str]]] = {}
        for file, entries in self._files.items():
            for row, entry in entries.items():
                reason = entry.reason or "unaccounted"
                if not entry.used and len(kept := first.setdefault(reason, [])) < MAX_DETAILS:
                    place = Place(file, row)
                    kept.append((place, self._details.get(reason, {}).get(place, "")))
        return first

    def accounts(self) -> dict[str, Account]:
        """Return the account of each file, in the order in which they came in."""
        return {file: _account_of(entries.values()) for file, entries in self._files.items()}

    def total(self) -> Account:
        """Return the account of all files together."""
        total = Account()
        for account in self.accounts().values():
            total.add(account)
        return total


def _account_of(entries: Iterable[_Entry]) -> Account:
    account = Account()
    for entry in entries:
        account.rows += entry.rows
        if entry.used:
            account.used += entry.rows
        else:
            account.left[entry.reason or "unaccounted"] += entry.rows
    return account


def explain(reason: str) -> str:
    """Return a reason in words; empty where its name says all that is known."""
    if reason in REASONS:
        return REASONS[reason]
    if reason.startswith("failed_check_"):
        return f"the example would not pass the check: {reason.removeprefix('failed_check_').replace('_', ' ')}"
    kind, _, verb = reason.rpartition("_")
    name = kind.replace("_", " ")
    if verb == "dropped":
        return f"{name}: nothing to learn from"
    if verb == "cut":
        return f"{name} by the assistant's side: no answer in words, the talk is cut there"
    return ""


def runs(rows: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of neighbouring row numbers as (first, last)."""
    first = last = None
    for row in sorted(set(rows)):
        if last is not None and first is not None and row == last + 1:
            last = row
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = row
    if first is not None and last is not None:
        yield first, last
