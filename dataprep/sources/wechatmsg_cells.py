"""The content of a WeChatMsg cell, often raw XML of WeChat's own, as a kind and words; it opens no files."""

import re

from dataprep.records import Kind
from dataprep.sources.entities import unescape
from dataprep.sources.wechat_words import Words, kind_of_codes, read_typed

_TAG = re.compile(r"<[^<>]{0,2000}>")
_WITHOUT_WORDS = frozenset({Kind.IMAGE, Kind.VIDEO, Kind.STICKER})
# Where WeChat's XML keeps the words of a kind: attributes first, then elements.
_WORDS_IN: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.VOICE: (('transtext="', '"'),),
    Kind.LOCATION: (('poiname="', '"'), ('label="', '"')),
    Kind.CARD: (('nickname="', '"'),),
    Kind.CALL: (("<msg>", "</msg>"), ("<content>", "</content>")),
    Kind.TRANSFER: (("<pay_memo>", "</pay_memo>"), ("<feedesc>", "</feedesc>")),
    Kind.RED_PACKET: (("<sendertitle>", "</sendertitle>"),),
}
_TITLE = (("<title>", "</title>"),)
# What WeChat writes for a place without a name.
_NO_NAME = "[位置]"


def kind_of_legacy(code: int, sub: int) -> Kind:
    """Return the kind of a row by its `Type` and `SubType`."""
    if code == 10000:
        return Kind.PAT if sub == 4 else Kind.SYSTEM
    return kind_of_codes(code, sub)


def words_of_cell(kind: Kind, cell: str) -> Words:
    """Return what the row's `StrContent` says; a recall is told from other system lines by its text."""
    if kind in (Kind.SYSTEM, Kind.PAT):
        text = without_tags(cell)
        return Words(kind, text) if kind == Kind.PAT else Words(read_typed(kind, text).kind, text)
    if not _is_xml(cell):
        return Words(kind, "" if kind in _WITHOUT_WORDS else cell)
    if kind == Kind.TEXT and "<title>" not in cell:
        return Words(kind, cell)
    if kind in _WITHOUT_WORDS:
        return Words(kind)
    found = (_between(cell, *marks) for marks in _WORDS_IN.get(kind, _TITLE))
    text = next((words for words in found if words and words != _NO_NAME), "")
    if kind != Kind.REPLY:
        return Words(kind, text)
    quoted = _between(_between(cell, "<refermsg>", "</refermsg>", plain=True), "<content>", "</content>")
    return Words(kind, text, "" if _is_xml(quoted) else quoted)


def without_tags(text: str) -> str:
    """Return a system line without links, pictures and CDATA marks."""
    return unescape(_TAG.sub("", text.replace("<![CDATA[", "").replace("]]>", ""))).strip()


def _is_xml(cell: str) -> bool:
    start = cell.lstrip()[:100]
    return start.startswith(("<?xml", "<msg", "<appmsg", "<voipmsg", "<voipinvitemsg", "<sysmsg"))


def _between(text: str, start: str, end: str, plain: bool = False) -> str:
    """Return what stands between two marks, decoded once unless it is wanted as it stands; empty if they are not."""
    _, mark, rest = text.partition(start)
    inner, closing, _ = rest.partition(end)
    if not mark or not closing:
        return ""
    if plain:
        return inner
    inner = inner.strip()
    if inner.startswith("<![CDATA[") and inner.endswith("]]>"):
        return inner[9:-3].strip()
    return unescape(inner).strip()
