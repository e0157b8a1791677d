"""Reads the pairs that a text marks as `Q:` and `A:` or 问： and 答：, or by headings; it makes none up."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dataprep.records import Dialogue, LeftOut, Place, Row
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.text_lines import read_lines

DOCUMENT = "document"
_TEXT_ENDINGS = (".md", ".markdown", ".txt")
# `Q:`, `Q1:`, `**问：**`, `- Question 2:`, and what follows on the line.
_MARK = r"^[ \t>*\-+]*(?:\*\*|__)?(?:{words})[ \t]*\d{{0,4}}[ \t]*[:：](?:\*\*|__)?[ \t]*(?P<rest>.*)$"
_match_question = re.compile(_MARK.format(words="Q|Question|问|问题|提问"), re.IGNORECASE).match
_match_answer = re.compile(_MARK.format(words="A|Answer|答|答案|回答"), re.IGNORECASE).match
_find_question = re.compile(_MARK.format(words="Q|Question|问|问题|提问"), re.IGNORECASE | re.MULTILINE).search
_find_answer = re.compile(_MARK.format(words="A|Answer|答|答案|回答"), re.IGNORECASE | re.MULTILINE).search
# `## Where is the kettle?`, whose answer is what stands below it.
_match_heading = re.compile(r"\s{0,3}(?P<level>#{1,6})[ \t]+(?P<rest>\S.*)").match
# A single heading that asks may be that of a chapter.
_LEAST_ASKING = 2
# A heading or a rule ends an answer; a blank line does not, for answers have paragraphs.
_ends_answer = re.compile(r"^\s{0,3}(?:#{1,6}\s|(?:-\s*){3,}$|(?:\*\s*){3,}$|={3,}\s*$)").match
_fence = re.compile(r"^\s{0,3}(?:```|~~~)").match
_WRITE_PAIRS = (
    "Write each question on a line that begins with Q: (or 问：) and its answer from A: (or 答：) on, in a text file,"
    " or put them into two columns of a sheet"
)


@dataclass(slots=True)
class _Pair:
    """A question and its answer while their lines come in, both as lists of lines; `level` is that of its heading."""

    start: int
    question: list[str] = field(default_factory=list)
    answer: list[str] | None = None
    rows: int = 0
    level: int = 0

    def add(self, line: str) -> None:
        (self.question if self.answer is None else self.answer).append(line)
        self.rows += 1


def _recognise_pairs(head: Head) -> str | None:
    if head.is_folder or head.suffix not in _TEXT_ENDINGS:
        return None
    if _find_question(head.text) is not None and _find_answer(head.text) is not None:
        return "a text with lines marked as question and answer"
    asking = sum(_asked_by(line) is not None for line in head.text.split("\n"))
    return f"a text of which {asking} headings ask something" if asking >= _LEAST_ASKING else None


def _read_pairs(head: Head) -> Iterator[Row]:
    found = False
    for row in _rows(head):
        found = found or isinstance(row, Dialogue)
        yield row
    if not found:
        raise UnreadableSource(f"No question in it has an answer. {_WRITE_PAIRS}.")


def _rows(head: Head) -> Iterator[Row]:
    """Pairs in the order of the file; each stretch of lines between them is left out as one."""
    pair: _Pair | None = None
    passed, number, fenced = 0, 0, False
    for number, line in read_lines(head):
        opens = None if fenced else _opened(line, number, pair)
        fenced ^= bool(_fence(line))
        if (opens or (not fenced and _ends_answer(line))) and pair and opens is not pair:
            yield _untold(head.label, pair) if not fenced and _is_chapter(line, pair) else _closed(head.label, pair)
            pair = None
        if opens and passed:
            yield LeftOut(Place(head.label, number - passed), "no_pair", rows=passed)
            passed = 0
        pair = opens or pair
        if pair is None:
            passed += 1
        elif opens is None:
            pair.add(line)
    if pair:
        yield _closed(head.label, pair)
    if passed:
        yield LeftOut(Place(head.label, number - passed + 1), "no_pair", rows=passed)


def _opened(line: str, number: int, pair: _Pair | None) -> _Pair | None:
    """The pair that the line begins, or whose answer it begins, with the line in it; None if it begins nothing."""
    if match := _match_question(line):
        return _Pair(number, [match["rest"]], rows=1)
    if asked := _asked_by(line):
        return _Pair(number, [asked[1]], [], 1, asked[0])
    if match := _match_answer(line):
        if pair is None or any(map(str.strip, pair.answer or ())):
            return _Pair(number, answer=[match["rest"]], rows=1)
        pair.answer = [match["rest"]]
        pair.rows += 1
        return pair
    return None


def _asked_by(line: str) -> tuple[int, str] | None:
    """The level of a heading that asks something, and what it asks."""
    heading = _match_heading(line)
    asked = heading["rest"].rstrip(" \t\r#").strip("*_ ") if heading else ""
    return (len(heading["level"]), asked) if heading and asked.endswith(("?", "？")) else None


def _is_chapter(line: str, pair: _Pair) -> bool:
    """Whether a heading below the one that asks shows that this is the title of a chapter, not a question."""
    heading = _match_heading(line)
    return heading is not None and 0 < pair.level < len(heading["level"])


def _untold(label: str, pair: _Pair) -> LeftOut:
    return LeftOut(Place(label, pair.start), "no_pair", rows=pair.rows)


def _closed(label: str, pair: _Pair) -> Row:
    place = Place(label, pair.start)
    question, answer = "\n".join(pair.question).strip(), "\n".join(pair.answer or ()).strip()
    if not question:
        return LeftOut(place, "no_question", answer[:80], pair.rows)
    if not answer:
        return LeftOut(place, "no_answer", question[:80], pair.rows)
    return Dialogue(place, ({"role": "user", "content": question}, {"role": "assistant", "content": answer}), pair.rows)


def _recognise_document(head: Head) -> str | None:
    if head.is_folder:
        return None
    if head.raw.startswith(b"%PDF-") or head.suffix == ".pdf":
        return "a PDF document"
    if head.suffix in (".docx", ".doc"):
        return "a Word document"
    return "a text without marked questions" if head.suffix in _TEXT_ENDINGS and head.raw else None


def _refuse(head: Head) -> Iterator[Row]:
    what = _recognise_document(head) or "a document"
    raise UnreadableSource(
        f"It is {what}: what is a question and what its answer cannot be told from it without making some up."
        f" {_WRITE_PAIRS}."
    )


SOURCES: tuple[Source, ...] = (
    Source(
        "qa-text",
        "Questions and answers in a text (Q: and A:, 问： and 答：, headings that ask)",
        _recognise_pairs,
        _read_pairs,
    ),
    Source(DOCUMENT, "Documents without questions (refused)", _recognise_document, _refuse),
)
