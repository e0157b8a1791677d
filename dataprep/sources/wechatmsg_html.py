"""Reads the pages of WeChatMsg and of MemoTrace 3, whose messages stand in a script; no script is ever run.

A page is one array on a few long lines: it is held in memory whole, with its messages.
"""

import re
from collections.abc import Iterator

from dataprep.decoding import open_text
from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.entities import unescape
from dataprep.sources.js_literals import BrokenLiteral, read_literal
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.walks import chat_of, stem_of
from dataprep.sources.wechat_words import UNSPOKEN, kind_of_codes, read_typed

# The page's styles may fill the first look.
_SEARCHED_CHARACTERS = 2 * 1024 * 1024
_ARRAY = re.compile(r"chatMessages\s*=\s*(?:/\*[^*]{0,100}\*/\s*)?\[[\s\[]*+")
_TITLE = re.compile(r"<title>([^<]{0,200})</title>")
_GAP = re.compile(r"[\s,]*+")
_NEXT = re.compile(r"""\{\s*+["']?type["']?\s*+:\s*+["']?-?\d""")
_EMOTICON = re.compile(r'<img src="[^"<>]{0,300}" id="([^"<>]{1,20})" class="emoji_img">')
# The members that hold the words of a kind, the best first.
_MEMBERS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text",),
    Kind.REPLY: ("text",),
    Kind.SYSTEM: ("text",),
    Kind.PAT: ("text",),
    Kind.VOICE: ("voice_to_text",),
    Kind.FILE: ("file_name",),
    Kind.LINK: ("title",),
    Kind.SHARE: ("title", "description"),
    Kind.FORWARD: ("title", "text"),
    Kind.CARD: ("nickname",),
    Kind.LOCATION: ("poiname", "label"),
    Kind.CALL: ("display_content", "text"),
    Kind.RED_PACKET: ("text",),
}


def recognise_html(head: Head) -> str | None:
    """Tell it by the array's name, further into the file than the first look if it is a page."""
    text = head.text
    if "chatMessages" not in text and (head.suffix not in (".html", ".htm") or not text.lstrip().startswith("<")):
        return None
    reason = "its script holds the array chatMessages"
    if _ARRAY.search(text):
        return reason
    with open_text(head.path, head.encoding) as file:
        return reason if _ARRAY.search(file.read(_SEARCHED_CHARACTERS)) else None


def read_html(head: Head) -> Iterator[Row]:
    """Yield a row for each element of the array; what is no message is left out, and reading goes on at the next."""
    try:
        with open_text(head.path, head.encoding) as file:
            text = file.read()
    except (LookupError, UnicodeError) as error:
        raise UnreadableSource(f"The file's encoding cannot be read ({error}). Save it as UTF-8.") from None
    start = _ARRAY.search(text)
    if not start:
        raise UnreadableSource(
            "The page has no array chatMessages. Give the page that WeChatMsg or MemoTrace exported."
        )
    title = _TITLE.search(text, 0, start.start())
    chat = chat_of(head), (unescape(title[1]).strip() if title else "") or stem_of(head)
    elements = list(_elements(text, start.end()))
    senders = {_name(element): _side(element) for element in elements if _name(element) and _side(element) is not None}
    for row, element in enumerate(elements, 1):
        yield _message(Place(head.label, row), element, chat, senders)


def _elements(text: str, at: int) -> Iterator[dict[str, object]]:
    """Yield the array's objects; a broken one is empty."""
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if text[at : at + 1] in ("", "]"):
            return
        try:
            value, at = read_literal(text, at)
            yield value if isinstance(value, dict) else {}
        except BrokenLiteral as error:
            yield {}
            following = None if error.at_end else _NEXT.search(text, error.at)
            if not following:
                return
            at = following.start()


def _message(place: Place, element: dict[str, object], chat: tuple[str, str], senders: dict[str, bool | None]) -> Row:
    code, timestamp = _whole(element.get("type")), seconds_of(element.get("timestamp"))
    if code is None or timestamp is None:
        return LeftOut(place, "broken_row", "it is no message with a type and a timestamp")
    kind = _kind(code, element)
    text = _words(kind, element)
    kind = read_typed(kind, text).kind if kind == Kind.SYSTEM else kind
    sender = "" if kind in UNSPOKEN else _name(element)
    side = _side(element)
    return Message(
        place=place,
        chat_id=chat[0],
        chat_name=chat[1],
        sender_id=sender,
        sender_name=sender,
        timestamp=timestamp,
        kind=kind,
        text=text,
        is_self=(side if side is not None else senders.get(sender)) if sender else False,
        is_group=element.get("is_chatroom") == 1 or len(senders) > 2,
        message_id=_text(element, "server_id"),
        reply_to=_text(element, "quote_server_id"),
        quoted_text=_quoted(element) if kind == Kind.REPLY else "",
    )


def _kind(code: int, element: dict[str, object]) -> Kind:
    """Return the kind: MemoTrace's number has the type of what is attached in its upper half."""
    if code == 0:
        return Kind.SYSTEM
    kind = kind_of_codes(code & 0xFFFFFFFF, code >> 32 or _whole(element.get("sub_type")) or 0)
    # WeChatMsg shows stickers as pictures, from WeChat's own server.
    return Kind.STICKER if kind == Kind.IMAGE and _text(element, "text").startswith("http") else kind


def _words(kind: Kind, element: dict[str, object]) -> str:
    if kind == Kind.TRANSFER:
        amount, note = (_text(element, key, old) for key, old in (("fee_desc", "feedesc"), ("pay_memo", "pay_memo")))
        return f"{amount} {note}".strip() or _text(element, "text")
    return _text(element, *_MEMBERS.get(kind, ()))


def _quoted(element: dict[str, object]) -> str:
    """Return what was quoted, without the name before it: `name：text`, or `name: text` in MemoTrace."""
    quoted = _text(element, "quote_text")
    if quoted:
        return quoted.partition(": ")[2]
    return _text(element, "refer_text").partition("：")[2]


def _name(element: dict[str, object]) -> str:
    return _text(element, "display_name", "displayname")


def _side(element: dict[str, object]) -> bool | None:
    side = element.get("is_send")
    return bool(side) if side in (0, 1) else None


def _text(element: dict[str, object], *keys: str) -> str:
    """Return the first of the members that is a text with words, its emoticons in brackets and its entities decoded."""
    for key in keys:
        value = element.get(key)
        if isinstance(value, str) and value:
            plain = _EMOTICON.sub(lambda found: f"[{found[1].replace(' ', '')}]", value)
            return unescape(plain)
    return ""


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


SOURCES: tuple[Source, ...] = (
    Source("wechatmsg-html", "HTML page of WeChatMsg or of MemoTrace 3", recognise_html, read_html),
)
