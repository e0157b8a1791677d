"""Tells by their names whether the pages of a chat are all there; `sessions` joins what stands on them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataprep.conversion.inputs import Input
from dataprep.sources.pywxdump import SOURCES, page_of

_PAGED = {source.name for source in SOURCES}
Span = tuple[int, int]  # the first row of a page, from 0, and the first of the next


def pages_of(inputs: Iterable[Input]) -> list[dict[str, Any]]:
    """Return the chats that come in pages: how many, the rows they meet at, those on no page and those on two."""
    spans = defaultdict[str, list[Span]](list)
    for one in inputs:
        page = page_of(one.head) if one.source.name in _PAGED else None
        if page is not None and page[1] < page[2]:
            spans[page[0]].append(page[1:])
    return [_join(chat, sorted(found)) for chat, found in spans.items()]


def _join(chat: str, spans: Sequence[Span]) -> dict[str, Any]:
    borders, missing, twice = list[int](), list[Span](), list[Span]()
    end = 0
    for first, after in spans:
        if first > end:
            missing.append((end, first))
        elif first < end:
            twice.append((first, min(end, after)))
        elif first:
            borders.append(first)
        end = max(end, after)
    return {"chat": chat, "pages": len(spans), "borders": borders, "missing": missing, "twice": twice}


def tell_pages(joined: Mapping[str, Any]) -> Iterable[str]:
    """Yield what there is to say of the pages of one chat."""
    chat = joined["chat"]
    if joined["borders"]:
        yield f"{chat}: {joined['pages']} pages read as one talk, joined after row {_listed(joined['borders'])}."
    for first, after in joined["missing"]:
        yield f"{chat}: rows {first + 1} to {after} are on none of its pages; give the page that has them, too."
    for first, after in joined["twice"]:
        yield f"{chat}: rows {first + 1} to {after} are on two of its pages; each message was taken once."


def _listed(rows: Sequence[int], most: int = 20) -> str:
    return ", ".join(map(str, rows[:most])) + (", ..." if len(rows) > most else "")
