"""Reads the TXT files of WeChatMsg and MemoTrace, of every version: the one with times, and the one made for models."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import dropwhile
from pathlib import PurePath

from dataprep.records import Kind, LeftOut, Message, Place, Row
from dataprep.sources.clock import seconds_of
from dataprep.sources.memotrace_words import opening_kind, read_unnamed
from dataprep.sources.source import Head, Source
from dataprep.sources.text_lines import read_lines
from dataprep.sources.walks import BrokenRow, chat_of, read_blocks
from dataprep.sources.wechat_words import UNSPOKEN, Words, read_typed

_HEADER = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?: (.+))?", re.ASCII)
_DAY = re.compile(r"\*{20}(\d{4}-\d\d-\d\d)\*{20}", re.ASCII)
_SPEAKER = re.compile(r"(?!https?:|- )([^:\s][^:]{0,40}):(?! )")
_QUOTED = ("引用：", "引用:")
# How messages of several lines begin, and how the last of these lines does.
_ENDS = (
    ("【分享链接】", ("应用：",)),
    ("【视频号】", ("发布者: ",)),
    ("【位置分享】", ("标签: ",)),
    ("【名片】", ("地区: ", "性别: ")),
    *((f"【{state}】:", ("备注: ",)) for state in ("发起转账", "已收款", "已退还", "非实时转账收款", "发起非实时转账")),
)
_MOST_LINES = 12
# What a turn holds if any of its messages is known by its form.
_find_form = re.compile(r"^ *(?:【|\[\w+\])|^引用[：:]|撤回|拍", re.MULTILINE).search


def recognise_txt(head: Head) -> str | None:
    """Tell it by headers of time and name after blank lines; names in quotes are WeFlow's, logs have no blank lines."""
    lines = [line.rstrip("\r") for line in head.text.lstrip("\r\n").split("\n")]
    headers = [at for at, line in enumerate(lines) if _HEADER.fullmatch(line)]
    if not headers or headers[0] != 0 or _is_in_quotes(lines[0]):
        return None
    after_blank = sum(1 for at in headers if at == 0 or not lines[at - 1].strip())
    is_ours = len(lines) > 1 and after_blank * 2 > len(headers)
    return "its messages stand under lines of time and name" if is_ours else None


def _is_in_quotes(header: str) -> bool:
    return header[20:21] == "'" and header.endswith("'")


def read_txt(head: Head) -> Iterator[Row]:
    """Yield a row for each header; reads the file twice, for whether it is a group shows only at its end."""
    senders = set[str]()

    def note(place: Place, header: re.Match[str], text: str) -> Row:
        if header[2] and text.strip():
            senders.add(header[2])
        return LeftOut(place, "noted")

    for _ in read_blocks(head, _HEADER.fullmatch, note):
        pass
    return read_blocks(head, _HEADER.fullmatch, partial(_message, chat_of(head), senders))


def _message(chat: str, senders: set[str], place: Place, header: re.Match[str], text: str) -> Message:
    """Return one block as a message: no name, or a line that nothing follows, is what the program said."""
    timestamp = seconds_of(header[1])
    if timestamp is None:
        raise BrokenRow(f"{header[1]} is no time")
    name = header[2] or ""
    if name and (text.strip() or name in senders):
        words = read_unnamed(text)
    else:
        words = read_typed(Kind.SYSTEM, text or name)
        name = ""
    sender = "" if words.kind in UNSPOKEN else name
    return Message(
        place=place,
        chat_id=chat,
        chat_name=PurePath(chat).name,
        sender_id=sender,
        sender_name=sender,
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_group=len(senders) > 2,
        quoted_text=words.quoted,
    )


def recognise_ai_txt(head: Head) -> str | None:
    """Tell it by its first line, a day between stars."""
    first = head.text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    return "its days stand between twenty stars" if _DAY.fullmatch(first) else None


def read_ai_txt(head: Head) -> Iterator[Row]:
    """Yield what each speaker said; the file has no times but days, so a message has the first second of its day.

    It does not say either where one message ends and the next begins: lines that nothing tells apart are one message.
    """
    chat = chat_of(head)
    is_group = len({name for _, name, _ in _turns(head)} - {""}) > 2
    for day, name, lines in _turns(head):
        if not name or day is None:
            yield from (LeftOut(Place(head.label, row), "stray_line", line[:80]) for row, line in lines if line.strip())
            continue
        for row, words in _messages(lines):
            sender = "" if words.kind in UNSPOKEN else name
            yield Message(
                place=Place(head.label, row),
                chat_id=chat,
                chat_name=PurePath(chat).name,
                sender_id=sender,
                sender_name=sender,
                timestamp=day,
                kind=words.kind,
                text=words.text,
                is_group=is_group,
                quoted_text=words.quoted,
            )


Lines = list[tuple[int, str]]


def _turns(head: Head) -> Iterator[tuple[float | None, str, Lines]]:
    """Yield (day in seconds, speaker, lines) for each turn; a day may begin in the middle of what somebody says."""
    day: float | None = None
    name, lines, before = "", Lines(), ""
    for row, line in read_lines(head):
        if line.startswith("*") and (star := _DAY.fullmatch(line)):
            yield day, name, lines
            day, lines, before = seconds_of(f"{star[1]} 00:00:00"), [], ""
            continue
        if ":" in line and _ends_a_turn(before) and (speaker := _SPEAKER.match(line)):
            yield day, name, lines
            name, lines, line = speaker[1], [], line[speaker.end() :]
        lines.append((row, line))
        before = line
    yield day, name, lines


def _ends_a_turn(line: str) -> bool:
    """Whether a speaker may follow: MemoTrace leaves a blank line before one, WeChatMsg a space after each message."""
    return not line.strip() or (line.endswith(" ") and opening_kind(line) is None)


def _messages(lines: Lines) -> Iterator[tuple[int, Words]]:
    """Yield (first line's number, words) for what can be told apart in one turn."""
    plain, at = Lines(), 0
    texts = [line for _, line in lines]
    if not _find_form("\n".join(texts)):
        yield from _joined(lines)
        return
    formed = [_find_form(line) is not None for line in (*texts, "")]
    while at < len(lines):
        length = _length(texts, at) if formed[at] or formed[at + 1] else 0
        if not length:
            plain.append(lines[at])
            at += 1
            continue
        yield from _joined(plain)
        yield lines[at][0], read_unnamed("\n".join(texts[at : at + length]))
        plain, at = [], at + length
    yield from _joined(plain)


def _joined(lines: Lines) -> Iterator[tuple[int, Words]]:
    said = list(dropwhile(lambda line: not line[1].strip(), lines))
    if said:
        text = "\n".join([line.rstrip(" ") for _, line in said])
        yield said[0][0], Words(Kind.TEXT, text.rstrip("\n"))


def _length(texts: list[str], at: int) -> int:
    """Return how many of the lines from one on are a message that is known by its form, 0 if the line begins none."""
    first = texts[at].rstrip(" ")
    if at + 1 < len(texts) and texts[at + 1].startswith(_QUOTED):
        return 2
    if not first:
        return 0
    if not first.startswith("【"):
        return 1 if opening_kind(first) is not None or _is_said_by_program(first) else 0
    following = texts[at + 1 : at + _MOST_LINES]
    for opening, ends in _ENDS:
        if first.startswith(opening):
            found = (number for end in ends for number, line in enumerate(following, 2) if line.startswith(end))
            return next(found, 1)
    if first == "【音视频通话】":
        return min(2, len(texts) - at)
    if first == "【合并转发的聊天记录】":
        rest = range(at + 1, len(texts))
        return next((end for end in rest if texts[end] and not texts[end].startswith(("- ", " "))), len(texts)) - at
    return 1 if opening_kind(first) is not None or _is_said_by_program(first) else 0


def _is_said_by_program(line: str) -> bool:
    """Whether it tells of a recall or a pat; the words first, for they are seldom there."""
    return ("撤回" in line or "拍" in line) and read_typed(Kind.SYSTEM, line).kind in (Kind.PAT, Kind.RECALL)


SOURCES: tuple[Source, ...] = (
    Source(
        "memotrace-txt",
        "TXT of WeChatMsg or MemoTrace, with times (all versions)",
        recognise_txt,
        read_txt,
        "written by WeChatMsg (versions 0 to 2), it has no words of voice messages and no names of files.",
    ),
    Source(
        "memotrace-ai-txt",
        "TXT of WeChatMsg or MemoTrace made for models (*_chat.txt)",
        recognise_ai_txt,
        read_ai_txt,
        "this format has no times but days: a session is a day, and an answer is taken however late it came."
        " Written by WeChatMsg (versions 0 to 2), it has plain texts alone, and no quoted replies.",
    ),
)
