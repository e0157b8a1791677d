"""Tells texts that a person would not want to be learned: left-overs, garbled characters, personal data.

It looks at one example at a time; what takes the whole file is in `overview`. Most of it is a warning. An error are
answers without words and secret keys: neither is ever worth training.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dataprep import masking
from dataprep.checks.report import Problem, Problems
from dataprep.checks.silence import MAX_NOTE, UNSEEN, is_blank, stands_for_media
from dataprep.checks.wording import MAX_SHOWN, show


class Turn(NamedTuple):
    """One text of an example: who says it, what, the JSON pointer to it, whether it is learned; `name` as given.

    `shown` is a hash of all pictures, sounds and files up to the end of its message, 0 if there are none.
    """

    role: str
    text: str
    pointer: str
    learned: bool
    name: str = ""
    shown: int = 0


# Chinese read as GBK although it was UTF-8: the characters that its first two bytes turn into.
_GARBLED_STARTS = "".join(
    sorted(
        {
            character
            for lead in range(0xE4, 0xEA)
            for follow in range(0x80, 0xC0)
            for character in bytes((lead, follow)).decode("gbk", "ignore")
        }
    )
)
_GARBLED_CHINESE = re.compile(f"[{_GARBLED_STARTS}][^\x00-\x7f]{{2,}}")
# UTF-8 read as Windows-1252: a quotation mark, an accented letter, a Chinese comma.
_GARBLED_LATIN = re.compile("â€[^A-Za-z0-9]|â€$|Ã[\x80-\xbf]|Â[\xa0-\xbf]|ï¼|ï»¿|锟斤拷|烫烫烫")
# The commoner half of GBK read as Latin-1, and Cyrillic in UTF-8 read as Windows-1251: three pairs and more.
_GARBLED_PAIRS = re.compile("(?:[\xb0-\xd7][\xa1-\xfe]){3,}|(?:[РС][^\x00-\x7f]){3,}")
INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
SEPARATOR = re.compile("[\u2028\u2029\x85]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LEFT_OVER = re.compile(r"<(?:msg|appmsg|sysmsg|emoji|voipmsg|revokemsg|videomsg)[ >/]|weixin://")
_SPECIAL = re.compile(r"<[|｜][^<>|｜\s]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>")
# All that the rules above begin with; a text without any is done with one look.
_FIRST_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85<\\[âÃÂï锟烫\u200b\u2060\ufeff\u00ad\u2028\u2029\ufffd" + f"{_GARBLED_STARTS}]"
)
# What an invisible text begins with, and one that may be made of stand-ins for media, however long.
_UNSEEN_STARTS = frozenset(UNSEEN)
_STAND_IN_STARTS = frozenset("[【［<!‹〈＜ \n")
# Whatever `masking` finds holds one of the first, and looks like one of the second; most texts cost one look.
_MAYBE_PRIVATE = re.compile("[0-9０-９@＠_-]")
_LOOKS_PRIVATE = re.compile(
    r"[@＠]|[0-9０-９][0-9０-９ .()．－-]{6}|-----BEGIN"
    r"|[Pp]ass|PASS|[Pp]wd|密码|密碼|口令|[Bb]earer |:[0-9A-Fa-f]{0,4}:|wxid_"
    r"|[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Aa]pi.?[Kk]ey|API.?K|令牌|[Qq][Qq]|微信号"
    r"|(?<![A-Za-z0-9])(?:[A-Za-z]{2,6}[-_][A-Za-z0-9_-]{10}|[A-Z]{4}[A-Za-z0-9]{12}|AIza|eyJ)"
)
# Personal data is looked for in so many first characters of a text: long texts full of numbers take their time.
_MAX_SEARCHED = 20_000
_PROMPTED = re.compile(
    r"你应该(?:说|回答|回复)[:：]|(?:the correct|expected) answer(?: is)?\s*:|you should (?:say|answer):", re.I
)
_SPEAKER = re.compile(
    r"\s*(?:user|human|assistant|bot|ai|chatgpt|用户|助手|客服|顾客|客户|问|答)\s*[:：]", re.IGNORECASE
)
_PRINTED = re.compile(r"example|your|x{4}|eyJzdWIiOiIxMjM0NTY3ODkwIi", re.IGNORECASE)
_FRAME = re.compile(r"-----[A-Z0-9 ]+-----|\s")
_MIN_KEY = 40
# What stands beside the talk is not mended.
_BESIDE = ("arguments", "reference")
# Shorter answers stand in a longer question by chance, or because the task is to find them there.
_MIN_LEAKED = 16
_MIN_LEAKED_SHARE = 0.5


def check_turns(turns: Sequence[Turn]) -> Problems:
    """All warnings about the texts of one example."""
    for turn in turns:
        text = turn.text
        if text[:1] in _UNSEEN_STARTS and is_blank(text):
            yield from _check_blank(turn)
            continue
        if turn.learned and turn.role == "assistant" and (len(text) <= MAX_NOTE or text[0] in _STAND_IN_STARTS):
            yield from _check_stand_in(turn)
        odd = _FIRST_ODD.search(text) or "weixin://" in text
        if odd or (not text.isascii() and _GARBLED_PAIRS.search(text)):
            yield from _check_characters(turn)
        if _MAYBE_PRIVATE.search(text) and _LOOKS_PRIVATE.search(text, 0, _MAX_SEARCHED):
            yield from _check_privacy(turn)
    yield from _check_answers(turns)


def check_unread(text: str) -> Problems:
    """The secret keys in a line that cannot be read as JSON."""
    for problem in _check_privacy(Turn("", text, "", learned=False)):
        if problem.code == "secret":
            yield problem


def _check_characters(turn: Turn) -> Problems:
    for code, pattern, words, fix in _RULES:
        match = pattern.search(turn.text)
        if match and (code != "garbled_text" or _is_garbled(match[0])):
            mend = fix if turn.role not in _BESIDE else None
            yield Problem(turn.pointer, code, words.format(show(match[0])), "warning", mend)


def _check_blank(turn: Turn) -> Problems:
    """Of what only looks as if something stood there; what is empty or of blanks alone, `messages` tells."""
    if not turn.text or turn.text.isspace() or turn.pointer.endswith("/text"):
        return
    if turn.role != "assistant":
        detail = f"the {turn.role} message {show(turn.text)} is invisible. Give its text."
        yield Problem(turn.pointer, "empty_content", detail, "warning")
    elif turn.learned:
        detail = (
            f"the answer {show(turn.text)} is invisible, which teaches silence. Give an answer or drop the example."
        )
        yield Problem(turn.pointer, "empty_content", detail)


def _check_stand_in(turn: Turn) -> Problems:
    severity = stands_for_media(turn.text)
    if severity is not None:
        detail = f"the answer is only {show(turn.text)}, which teaches to say so. Put words there or drop the example."
        yield Problem(turn.pointer, "placeholder_answer", detail, severity)


_RULES = (
    (
        "garbled_text",
        re.compile(f"{_GARBLED_LATIN.pattern}|{_GARBLED_CHINESE.pattern}|{_GARBLED_PAIRS.pattern}"),
        "{} looks like text read in a wrong encoding. Read the source as what it is (UTF-8, GBK) and convert it anew.",
        None,
    ),
    ("replacement_character", re.compile("\ufffd+"), "{} stands for characters that were lost. Repair the text.", None),
    ("invisible_character", INVISIBLE, "{} is invisible. Remove it.", "drop_invisible"),
    (
        "line_separator",
        SEPARATOR,
        "{} ends a line for some programs, which then cut the example in two. Write \\n for it.",
        "separator_to_lf",
    ),
    ("control_character", CONTROL, "{} is a control character. Remove it.", "drop_control"),
    ("markup_left_over", _LEFT_OVER, "{} is a left-over of the chat program, not what was said. Remove it.", None),
    (
        "special_token",
        _SPECIAL,
        "{} is a special token of models; in content it may end or fake a turn. Remove it.",
        None,
    ),
)


def _is_garbled(found: str) -> bool:
    """Whether what looks garbled really turns into text when the wrong reading is undone."""
    if _GARBLED_LATIN.match(found):
        return True
    if _GARBLED_PAIRS.fullmatch(found):
        return _is_garbled_pairs(found)
    data = found.encode("gbk", "ignore")
    for cut in range(3):
        try:
            return len(data[: len(data) - cut].decode("utf-8")) >= 2
        except UnicodeDecodeError:
            continue
    return False


def _is_garbled_pairs(found: str) -> bool:
    """Whether pairs turn into Chinese or Cyrillic letters when they are read as what they may have been."""
    wrong, right, first, last = ("cp1251", "utf-8", "Ѐ", "ӿ") if found[0] in "РС" else ("latin-1", "gbk", "一", "鿿")
    try:
        meant = found.encode(wrong).decode(right)
    except UnicodeError:
        return False
    return all(first <= character <= last for character in meant)


def _check_privacy(turn: Turn) -> Problems:
    kinds: dict[str, str] = {}
    for kind, start, end in masking.find(turn.text[:_MAX_SEARCHED]):
        value = turn.text[start:end]
        if kind == "KEY" and _is_made_up(kinds.get("KEY", "")) and not _is_made_up(value):
            kinds["KEY"] = value
        kinds.setdefault(kind, value)
    for kind, value in kinds.items():
        if kind == "KEY":
            yield _tell_secret(turn, value)
        else:
            half = value[: max(2, len(value) // 3)][:MAX_SHOWN]
            detail = f"{show(half + '...')} looks like personal data ({kind}). Mask it, as the model may repeat it."
            yield Problem(turn.pointer, "personal_data", detail, "warning", "mask")


def _tell_secret(turn: Turn, value: str) -> Problem:
    shown = show(value[:6] + "...")
    if _is_made_up(value):
        detail = f"{shown} has the form of a secret key, but looks made up. Mask it if it is none of an example."
        return Problem(turn.pointer, "secret", detail, "warning", "mask")
    detail = f"{shown} looks like a secret key. Whoever talks to the model may get it: mask it and revoke the key."
    return Problem(turn.pointer, "secret", detail, "error", "mask")


def _is_made_up(value: str) -> bool:
    """Whether a key is one that manuals print: their words, rows of x, or a PEM frame without a key in it."""
    if value.startswith("-----BEGIN"):
        return len(_FRAME.sub("", value)) < _MIN_KEY
    return not value or _PRINTED.search(value) is not None


def _check_answers(turns: Sequence[Turn]) -> Problems:
    asked = ""
    for turn in turns:
        if turn.role == "assistant" and turn.learned:
            yield from _check_answer(turn, asked)
        elif turn.role == "user":
            asked = turn.text
            if (":" in asked or "：" in asked) and (match := _PROMPTED.search(asked)):
                detail = f"{show(match[0])} gives the answer away, which will not be there in use. Remove it."
                yield Problem(turn.pointer, "leaked_answer", detail, "warning")


def _check_answer(turn: Turn, asked: str) -> Iterator[Problem]:
    answer = turn.text.strip()
    if len(answer) >= _MIN_LEAKED and answer in asked and len(answer) >= _MIN_LEAKED_SHARE * len(asked):
        detail = (
            f"the answer {show(answer)} stands word for word in the question before it. Take it out of one of them."
        )
        yield Problem(turn.pointer, "leaked_answer", detail, "warning")
    if match := _SPEAKER.match(answer):
        detail = f"the answer begins with the speaker's name, {show(match[0])}. Leave the name out."
        yield Problem(turn.pointer, "speaker_in_answer", detail, "warning")
