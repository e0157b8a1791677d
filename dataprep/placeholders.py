"""What exporters write for what has no words: `[图片]` or `【语音】` with their kinds, WhatsApp's `image omitted`."""

import re

from dataprep.records import Kind

_NAMES = {
    Kind.IMAGE: "图片 图像 照片 闪照 圖片 相片 image photo",
    Kind.VOICE: "语音 语音消息 語音 語音訊息",
    Kind.VIDEO: "视频 短视频 影片 視頻 video",
    Kind.FILE: "文件 檔案",
    Kind.STICKER: "表情 表情包 动画表情 商城表情 GIF表情 貼圖 動態貼圖 sticker",
    Kind.LINK: "链接 分享链接 卡片式链接 图文消息 分享 連結",
    Kind.LOCATION: "位置 位置分享 位置共享 地理位置",
    Kind.RED_PACKET: "红包 红包封面 QQ红包 微信红包 紅包",
    Kind.TRANSFER: "转账 轉帳",
    Kind.CALL: "语音通话 视频通话 音视频通话 通话 語音通話 視訊通話",
    Kind.SHARE: "小程序 视频号 视频号直播 音乐 音乐分享",
    Kind.FORWARD: "聊天记录 合并转发 合并转发的聊天记录 聊天記錄",
    Kind.CARD: "名片 个人名片 推荐名片",
    Kind.SYSTEM: "群公告 系统消息",
    Kind.REPLY: "引用 引用消息",
}
KIND_OF_WORD = {word: kind for kind, words in _NAMES.items() for word in words.split()}


def any_of(phrases: str) -> str:
    """A pattern for one of these phrases, which stand between `/` and line ends, one language a line."""
    return "(?:" + "|".join(phrase.strip() for line in phrases.strip().split("\n") for phrase in line.split("/")) + ")"


OMITTED = any_of(r"""
    omitted
    ausgeschlossen / weggelassen / ausgelassen
    omitid[oa]s? / omis(?:es|e|)? / absente? / ocult(?:ad)?[oa]s? / omess[oia] / esclus[oi]
    utelämna[dt]s? / utelatt / udeladt / jätetty pois / pominięt[oey] / vynechán[oay]? / diabaikan
    weggelaten / dahil edilmedi / отсутствует / пропущен[оа]? / без медиафайлов
    已?省略 / 已?略去 / 已?忽略 / 省略影音内容 / 省略多媒體檔案 / を除く / は含まれていません / 제외 / 생략(?:됨)?
""")
NOUNS: tuple[tuple[Kind, str], ...] = (
    (Kind.STICKER, any_of("sticker / 貼圖 / 贴图 / 表情 / figurinha / adesivo / 스티커 / стикер / スタンプ")),
    (Kind.VIDEO, any_of("video / vídeo / vidéo / gif / 影片 / 视频 / 視頻 / 動画 / 동영상 / видео")),
    (Kind.VOICE, any_of("audio / áudio / sprachnachricht / 音訊 / 音频 / 語音 / 语音 / 音声 / 오디오 / аудио")),
    (Kind.CARD, any_of("contact(?: card)? / kontakt(?:karte)? / 聯絡人 / 联系人 / 名片 / 連絡先 / 연락처 / контакт")),
    (Kind.FILE, any_of("document / dokument / documento / 文件 / 檔案 / ドキュメント / 문서 / документ")),
    (Kind.IMAGE, any_of("image / bild / imagen / imagem / immagine / afbeelding / photo / foto")),
    (Kind.IMAGE, any_of("圖片 / 图片 / 图像 / 画像 / 사진 / 이미지 / изображение")),
    # Where WhatsApp does not say which medium it was, it was most often a picture.
    (Kind.IMAGE, any_of("media / medien / médias / mídia / 影音 / 媒體 / 媒体 / メディア / 미디어 / медиафайл")),
)
_ANY_NOUN = "(?:" + "|".join(nouns for _, nouns in NOUNS) + ")"
# In angle brackets (Android), or the bare two words (iOS); what iOS marks may have a file's name before it.
_BRACKETED = re.compile(rf"<[^<>\n]{{0,40}}{OMITTED}[^<>\n]{{0,20}}>", re.IGNORECASE)
_BARE = re.compile(rf"{_ANY_NOUN}[ -]?{OMITTED}", re.IGNORECASE)


def is_media_note(line: str) -> bool:
    """Whether a line says no more than that a medium was left out, in brackets or in two bare words."""
    return bool(_BRACKETED.fullmatch(line) or _BARE.fullmatch(line))
