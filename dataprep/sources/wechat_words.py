"""What WeChat and its exporters write for things that are no text, read back as kinds and words; it opens no files."""

import re
from dataclasses import dataclass

from dataprep.placeholders import KIND_OF_WORD
from dataprep.records import Kind

# Numbers of WeChat's own tables, as several exporters pass them on.
_TYPES = {
    Kind.TEXT: (1,),
    Kind.IMAGE: (3,),
    Kind.VOICE: (34,),
    Kind.CARD: (37, 42, 66),
    Kind.VIDEO: (43, 44, 62),
    Kind.STICKER: (47,),
    Kind.LOCATION: (48,),
    Kind.CALL: (50, 52, 53, 64),
    Kind.SYSTEM: (10000, 10002),
}
_CODES = {code: kind for kind, codes in _TYPES.items() for code in codes}
_ATTACHMENTS = {
    Kind.TEXT: (1, 53),
    Kind.SHARE: (3, 33, 36, 51, 63, 88, 92),
    Kind.LINK: (4, 5),
    Kind.FILE: (6, 74),
    Kind.STICKER: (8,),
    Kind.LOCATION: (17,),
    Kind.FORWARD: (19, 24),
    Kind.REPLY: (57,),
    Kind.PAT: (62,),
    Kind.SYSTEM: (87,),
    Kind.TRANSFER: (2000,),
    Kind.RED_PACKET: (2001, 2003),
}
_APP_CODES = {code: kind for kind, codes in _ATTACHMENTS.items() for code in codes}
_BRACKET = re.compile(r"[\[【]([^\[\]【】|：:\s]{2,10})(?:[|：: ]([^\[\]【】\n]{1,200}))?[\]】]")
_RECALL = re.compile(r'(?:"?.{1,60}"? )?你?撤回了一条消息(?: 重新编辑)?')
_PAT = re.compile(r'[“"].{1,60}["”] ?拍了拍 ?.{1,80}|(?:我|你) ?拍了拍 ?(?:[“"].{1,60}["”].{0,60}|我|你|自己)')
_SYSTEM = re.compile(
    r"你已添加了.{1,60}，现在可以开始聊天了。|以上是打招呼的内容|.{1,60}开启了朋友验证，你还不是他（她）朋友。.*"
    r"|(?:你|[“\"].{1,60}[”\"]) ?(?:邀请|通过扫描).{1,200}加入了?群聊.*"
    r"|.{1,60}修改群名为.{1,60}|.{1,60}领取了.{1,60}的红包"
)
_QUOTE_HEAD = re.compile(r"\n\n\[引用\]\([^()\n]{0,40}\)")
_find_quote_head, _cut_quotes = _QUOTE_HEAD.search, _QUOTE_HEAD.split
_SILENT = frozenset({Kind.IMAGE, Kind.VIDEO, Kind.STICKER})
_TITLED = frozenset({Kind.LINK, Kind.FILE, Kind.SHARE, Kind.FORWARD, Kind.CARD})
# Kinds that the program says and nobody writes.
UNSPOKEN = frozenset({Kind.SYSTEM, Kind.RECALL, Kind.PAT})


@dataclass(frozen=True, slots=True)
class Words:
    """What a message is, what it says, and what it quotes."""

    kind: Kind
    text: str = ""
    quoted: str = ""


def kind_of_codes(code: int, sub: int = 0) -> Kind:
    """Return the kind for WeChat's message type and, where that is 49, the type of what is attached."""
    return _APP_CODES.get(sub, Kind.OTHER) if code == 49 else _CODES.get(code, Kind.OTHER)


def read_typed(kind: Kind, text: str) -> Words:
    """Return the words of a message whose kind its export names; what the program says is told apart by its text."""
    if kind == Kind.REPLY:
        reply, quoted = split_quote(text)
        return Words(kind, reply, quoted)
    if kind == Kind.SYSTEM:
        return Words(_said_by_program(text) or kind, text)
    return Words(kind, words_of(kind, text))


def read_untyped(text: str) -> Words:
    """Return the kind and words of a message of which there is nothing but its text."""
    if kind := _said_by_program(text):
        return Words(kind, text)
    if text.endswith("]") and (parts := split_quote(text))[1]:
        return Words(Kind.REPLY, *parts)
    bracket = _BRACKET.match(text)
    kind = KIND_OF_WORD.get(bracket[1]) if bracket else None
    if kind is None or not bracket or (kind in _SILENT and not _is_path(text[bracket.end() :])):
        return Words(Kind.TEXT, text)
    return Words(kind, words_of(kind, text))


def _is_path(rest: str) -> bool:
    """Whether what follows a picture's placeholder is nothing, or where its file lies."""
    word = rest.strip()
    return not word or (" " not in word and ("/" in word or "\\" in word)) or word.startswith("（")


def _said_by_program(text: str) -> Kind | None:
    if _RECALL.fullmatch(text):
        return Kind.RECALL
    if _PAT.fullmatch(text):
        return Kind.PAT
    return Kind.SYSTEM if _SYSTEM.fullmatch(text) else None


def words_of(kind: Kind, text: str) -> str:
    """Return what a message of this kind says, without placeholder, address or length."""
    if kind in _SILENT:
        return ""
    if kind in (Kind.TEXT, Kind.OTHER):
        return text
    rest = _without_placeholder(text)
    if kind == Kind.VOICE:
        return _transcript(rest)
    if kind == Kind.TRANSFER:
        return _transfer(rest)
    if kind == Kind.CALL:
        return rest.removeprefix("语音/视频通话").strip().removeprefix("[").removesuffix("]")
    return rest.partition("\n")[0].strip() if kind in _TITLED else rest.strip()


def _without_placeholder(text: str) -> str:
    bracket = _BRACKET.match(text)
    if not bracket or bracket[1] not in KIND_OF_WORD:
        return text
    return text[bracket.end() :].strip() or ("" if bracket[1].startswith("语音") else bracket[2] or "").strip()


def _transcript(text: str) -> str:
    """Return what was understood of a voice; PyWxDump puts its length before it."""
    length, _, words = text.partition("翻译结果：")
    return words.strip() if length.startswith("语音时长") else text.strip()


def _transfer(text: str) -> str:
    """Return amount and note, from the lines of PyWxDump or the one of the others, without who paid whom and when."""
    lines = dict(line.partition("：")[::2] for line in text.split("\n"))
    if "转账" in lines:
        return f"{lines['转账'].strip()} {lines.get('转账说明', '').strip()}".strip()
    before, _, people = text.rpartition(" (")
    return (before if "转账给" in people else text).removeprefix("发送 ").strip()


def split_quote(text: str) -> tuple[str, str]:
    """Return a reply and what it quotes, empty if nothing, as PyWxDump or WeFlow join the two."""
    if head := _find_quote_head(text):
        # What is quoted may be a reply, too, with what that quotes behind it.
        quoted = text[head.end() :].partition(":")[2]
        return text[: head.start()], _cut_quotes(quoted, maxsplit=1)[0]
    reply, mark, rest = text.partition("[引用 ")
    if mark and rest.endswith("]") and "：" in rest:
        return reply, without_quote(rest[:-1].partition("：")[2])
    return text, ""


def without_quote(quoted: str) -> str:
    """Return quoted words without what they quote themselves, as WeFlow writes it behind them."""
    words, _, rest = quoted.partition("[引用 ")
    return words if words and rest.endswith("]") and "：" in rest else quoted
