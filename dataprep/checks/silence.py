"""Whether a text says nothing: it is blank, invisible, or only stands for a picture and the like."""

import re

from dataprep.checks.report import Severity
from dataprep.placeholders import KIND_OF_WORD, is_media_note

# Characters that take no room or show nothing, those that join or colour others among them; then all blanks.
_RANGES = (
    *("\u00ad\u00ad", "\u034f\u034f", "\u061c\u061c", "\u115f\u1160", "\u17b4\u17b5", "\u180b\u180e", "\u200b\u200f"),
    *("\u202a\u202e", "\u2060\u206f", "\u2800\u2800", "\u3164\u3164", "\ufe00\ufe0f", "\ufeff\ufeff", "\uffa0\uffa0"),
)
_ZERO_WIDTH = "".join(chr(code) for ends in _RANGES for code in range(ord(ends[0]), ord(ends[1]) + 1))
UNSEEN = _ZERO_WIDTH + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_ANGLES = str.maketrans("‹›〈〉＜＞", "<><><>")
_MORE_WORDS = "動畫 动画 表情貼 貼文 微信红包 影音 媒体 媒體 贴图 视频通话 语音通话"
_WORDS = "|".join(sorted({word for word in (*KIND_OF_WORD, *_MORE_WORDS.split()) if not word.isascii()}, key=len))
# A label or a tag may be called so, too.
_ENGLISH = (
    "image|photo|picture|video|audio|voice|voice message|sticker|gif|file|link|location|attachment|contact|call"
    "|red packet|transfer|shared card|forwarded chat|message"
)
# Behind it may stand where the file lies, as MemoTrace (in round brackets, or bare) and chatlog (a link) have it.
_FILE = r"(?:（[^（）\n]{0,80}）|\([^()\s]{0,300}\)| \d{8}_\d{6}_\w{1,40})?"
_STAND_INS = re.compile(rf"(?:\s*!?[\[【［<](?:{_WORDS})[\]】］>]{_FILE})+\s*")
_MAYBE = re.compile(rf"(?:\s*!?[\[【［<](?:{_WORDS}|{_ENGLISH})[\]】］>]{_FILE})+\s*", re.IGNORECASE)
MAX_NOTE = 80
OPENING = frozenset("[【［<!‹〈＜")
# How the words for "left out" end, in all languages that `placeholders` knows.
_LAST = frozenset("adeinostавнот略去容案くん외략됨")
NOTE_ENDS = _LAST | frozenset("".join(_LAST).upper()) | frozenset("ſᲀᲂᲄᲅ") | frozenset(">›〉＞")
# And their last two letters, where both are ASCII.
_PAIRS = "as da di do ed en es is nt os sa se si so ta te to"
NOTE_PAIRS = frozenset(_PAIRS.split())


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: blanks, zero-width and other invisible characters alone."""
    return not text.strip(UNSEEN)


def stands_for_media(text: str) -> Severity | None:
    """How certain it is that a text only stands for a medium that was left out; a warning where it may be meant.

    `[图片]`, `【语音】`, `<Media omitted>` and `圖片已略去` are exporters' words. `<video>` may be the answer.
    """
    plain = text.strip(UNSEEN)
    if plain[:1] in OPENING:
        plain = plain.translate(_ANGLES)
        if _STAND_INS.fullmatch(plain) or (len(plain) <= MAX_NOTE and is_media_note(plain)):
            return "error"
        return "warning" if _MAYBE.fullmatch(plain) else None
    # Most answers are none: their last character tells it soonest.
    may_be = len(plain) <= MAX_NOTE and plain[-1:].casefold() in _LAST
    return "error" if may_be and is_media_note(plain) else None
