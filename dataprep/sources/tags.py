"""What Chinese exporters write in brackets where a message has no words: `[图片]`, `【语音】`; `[捂脸]` is a word."""

import re

from dataprep.records import Kind

_NAMES = {
    Kind.IMAGE: "图片 图像 照片 闪照 image photo",
    Kind.VOICE: "语音 语音消息",
    Kind.VIDEO: "视频 短视频 video",
    Kind.FILE: "文件",
    Kind.STICKER: "表情 表情包 动画表情 商城表情 sticker",
    Kind.LINK: "链接 分享链接 卡片式链接",
    Kind.LOCATION: "位置 位置分享 位置共享 地理位置",
    Kind.RED_PACKET: "红包 QQ红包 微信红包",
    Kind.TRANSFER: "转账",
    Kind.CALL: "语音通话 视频通话 音视频通话 通话",
    Kind.SHARE: "小程序 视频号 音乐 音乐分享 分享",
    Kind.FORWARD: "聊天记录 合并转发 合并转发的聊天记录",
    Kind.CARD: "名片 推荐名片",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_TAG = re.compile(rf"\s*[\[【]({'|'.join(sorted(_KINDS, key=len, reverse=True))})[\]】][ \t:：]*")
_URL_LINE = re.compile(r"\s*https?://\S+\s*")
# After these tags the rest of the text belongs to the tag; after others a person may have written on.
_WITH_WORDS = {Kind.VOICE, Kind.FILE, Kind.LINK, Kind.LOCATION, Kind.TRANSFER, Kind.CALL, Kind.SHARE}
_RECALL = re.compile(r"(?:[\"“]?.{1,60}[\"”]? ?)?撤回了一条消息(?: ?重新编辑)?[。.]?")
_OWN_RECALL = re.compile(r"(?:[\"“].{1,60}[\"”] |你)?撤回了一条消息(?: 重新编辑)?")


def untag(text: str) -> str:
    """Return the words after a leading tag; of a link its title, where it has one besides its address."""
    tag = _TAG.match(text)
    words = text[tag.end() :] if tag else text
    if tag and _KINDS[tag[1]] is not Kind.LINK:
        return words.strip()
    lines = [line for line in words.split("\n") if line.strip() and not _URL_LINE.fullmatch(line)]
    return "\n".join(lines).strip() or words.strip()


def read_tagged(text: str) -> tuple[Kind, str]:
    """Return the kind and the words of a text in which only brackets say what it was."""
    if _OWN_RECALL.fullmatch(text.strip()):
        return Kind.RECALL, text.strip()
    tag = _TAG.match(text)
    if not tag:
        return Kind.TEXT, text
    kind = _KINDS[tag[1]]
    if tag[1] == "闪照":  # QQ puts a hint of its own behind it
        return kind, ""
    if kind in _WITH_WORDS or not text[tag.end() :].strip():
        return kind, untag(text)
    return Kind.TEXT, text


def is_recall(text: str) -> bool:
    """Whether a line of the program itself says that somebody took a message back."""
    return _RECALL.fullmatch(text.strip()) is not None
