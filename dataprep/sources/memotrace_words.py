"""What MemoTrace and WeChatMsg write into texts for things that are no text, read back; it opens no files."""

import re

from dataprep.placeholders import KIND_OF_WORD
from dataprep.records import Kind
from dataprep.sources.wechat_words import Words, read_typed

# The column 类型 has the words of the placeholders, and these.
_MORE_NAMES = {
    "文本": Kind.TEXT,
    "收藏笔记": Kind.FORWARD,
    "个人/公众号名片": Kind.CARD,
    "企业微信名片": Kind.CARD,
    "拍一拍": Kind.PAT,
}
# How a text begins that stands for something else; the whole text, where nothing follows it.
_OPENINGS = {
    "【图片】（": Kind.IMAGE,
    "【语音】": Kind.VOICE,
    "【表情包】 ": Kind.STICKER,
    "【文件】": Kind.FILE,
    "【分享链接】\n": Kind.LINK,
    "【视频号】\n": Kind.SHARE,
    "【合并转发的聊天记录】\n": Kind.FORWARD,
    "【音视频通话】\n": Kind.CALL,
    "【位置分享】\n": Kind.LOCATION,
    "【名片】\n": Kind.CARD,
    "【红包】: ": Kind.RED_PACKET,
    "【笔记】\n": Kind.FORWARD,
    "[链接]:title:": Kind.LINK,
}
_match_opening = re.compile("|".join(map(re.escape, _OPENINGS))).match
_WHOLE = {
    "【视频】": Kind.VIDEO,
    "【图片】": Kind.IMAGE,
    "【表情包】": Kind.STICKER,
    "[图片]": Kind.IMAGE,
    "[语音]": Kind.VOICE,
    "[视频]": Kind.VIDEO,
    "[表情包]": Kind.STICKER,
    "[文件]": Kind.FILE,
    "[音乐分享]": Kind.SHARE,
}
_TRANSFER = re.compile(
    r"【(?:发起转账|已收款|已退还|非实时转账收款|发起非实时转账|未知)】:(.{0,100})\n备注: (.*)", re.DOTALL
)
_QUOTE = re.compile(r"(?:\A|\n)引用(?:：(?P<name>.{0,100}?): |:(?P<old>[^:\n]{0,100}):|:未知\s*\Z)")
# A voice ends with the name of its file, made of the time and a number, or another with the ending of a sound's.
_VOICE_FILE = re.compile(r"\d{8}_\d{6}_\w{1,40}(?:\.\w{1,5})?|(?i:\S{1,200}\.(?:mp3|wav|silk|amr|m4a))")
_FILE_NAME = re.compile(r"(.+?) \d+(?:\.\d+)? [KMG]?B(?: |\Z)")
_UNKNOWN = re.compile(r"-?\d{1,20}\n\s*[{<]")
# The line that holds the words of a kind, by what stands before them.
_LABELS: dict[Kind, tuple[str, ...]] = {
    Kind.LINK: ("标题：", "[链接]:title:"),
    Kind.SHARE: ("标题：", "描述: "),
    Kind.LOCATION: ("名称: ", "标签: "),
    Kind.CARD: ("昵称: ",),
}
_SILENT = frozenset({Kind.IMAGE, Kind.VIDEO, Kind.STICKER})


def read_named(name: str, text: str) -> Words:
    """Return what a message says whose kind stands in the column 类型; a kind of no known name says nothing."""
    kind = _MORE_NAMES.get(name, KIND_OF_WORD.get(name))
    if kind is None or _UNKNOWN.match(text):
        return Words(Kind.OTHER)
    if kind == Kind.SYSTEM:
        return Words(read_typed(kind, text).kind, text)
    if kind == Kind.REPLY:
        return split_quote(text) or Words(kind, text)
    return Words(kind, _words(kind, text))


def read_unnamed(text: str) -> Words:
    """Return kind and words of a message of which there is nothing but its text."""
    if _UNKNOWN.match(text):
        return Words(Kind.OTHER)
    kind = opening_kind(text)
    if kind is not None:
        return Words(kind, _words(kind, text))
    said = read_typed(Kind.SYSTEM, text).kind
    if said in (Kind.PAT, Kind.RECALL):
        return Words(said, text)
    return split_quote(text) or Words(Kind.TEXT, text)


def opening_kind(text: str) -> Kind | None:
    """Return the kind for which a text stands that begins as the exporters begin it, None for somebody's words."""
    # WeChatMsg indents its links.
    text = text.lstrip(" ")
    if not text.startswith(("【", "[")):
        return None
    if whole := _WHOLE.get(text.rstrip()):
        return whole
    if _TRANSFER.match(text):
        return Kind.TRANSFER
    opening = _match_opening(text)
    return _OPENINGS[opening[0]] if opening else None


def split_quote(text: str) -> Words | None:
    """Return a reply and the words that it quotes, those without name and placeholder; None if it quotes nothing."""
    found = _QUOTE.search(text)
    if not found:
        return None
    quoted = text[found.end() :]
    kind = opening_kind(quoted)
    return Words(Kind.REPLY, text[: found.start()], _words(kind, quoted) if kind is not None else quoted)


def _words(kind: Kind, text: str) -> str:
    """Return what a message of a kind says, without placeholder, address, size and file name."""
    if kind in _SILENT or _WHOLE.get(text.rstrip()) == kind:
        return ""
    if kind in _LABELS:
        return _labelled(text, _LABELS[kind])
    if kind == Kind.TRANSFER:
        found = _TRANSFER.match(text)
        return " ".join(part.strip() for part in found.groups()).strip() if found else text
    opening = next((opening for opening, meant in _OPENINGS.items() if meant == kind and text.startswith(opening)), "")
    rest = text[len(opening) :].strip()
    if kind == Kind.VOICE:
        words, _, last = rest.rpartition(" ")
        return words.strip() if _VOICE_FILE.fullmatch(last) else rest
    if kind == Kind.FILE:
        name = _FILE_NAME.match(rest)
        return name[1] if name else rest.partition("\n")[0]
    return text if kind == Kind.TEXT else rest


def _labelled(text: str, labels: tuple[str, ...]) -> str:
    lines = [line.strip() for line in text.split("\n")]
    found = (line[len(label) :].strip() for label in labels for line in lines if line.startswith(label))
    return next((words for words in found if words), "")
