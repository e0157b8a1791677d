"""Reads the CSV files of WeChatMsg up to version 2, of one contact or of all; its other files have modules beside."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dataprep.plural import counted
from dataprep.records import LeftOut, Message, Place, Row
from dataprep.sources import wechat_training, wechatmsg_html
from dataprep.sources.clock import seconds_of
from dataprep.sources.csv_records import read_records
from dataprep.sources.source import Head, Source, UnreadableSource
from dataprep.sources.walks import chat_of
from dataprep.sources.wechat_words import UNSPOKEN
from dataprep.sources.wechatmsg_cells import kind_of_legacy, words_of_cell

# What follows StrTime is Remark, NickName, Sender, of which the file of all chats may lack some.
_COLUMNS = ("localId", "TalkerId", "Type", "SubType", "IsSender", "CreateTime", "Status", "StrContent", "StrTime")
_SELF = "我"
_CONTACTS_HEADER = re.compile(r'"?UserName"?,"?Alias"?,"?Type"?,"?Remark"?,"?NickName"?')
_HEADER = re.compile(r'"?localId"?,"?TalkerId"?,"?Type"?,"?SubType"?,"?IsSender"?,"?CreateTime"?')


@dataclass(frozen=True, slots=True)
class _Survey:
    """What only the whole file tells: whether it holds all chats, and which of them are groups."""

    of_all: bool
    groups: frozenset[str]


def recognise_csv(head: Head) -> str | None:
    """Tell it by its columns, WeChat's own names."""
    return "its first line names the columns of WeChatMsg's CSV" if _HEADER.match(head.text) else None


def read_csv(head: Head) -> Iterator[Row]:
    """Yield a row for each record; reads the file twice, for who takes part in a chat shows only at its end."""
    survey = _survey(head)
    chat = re.sub(r"_utf8$", "", chat_of(head))
    for row, cells in _records(head):
        place = Place(head.label, row)
        if cells is None:
            yield LeftOut(place, "broken_row", "no CSV record can be read here")
        elif not any(cells):
            yield LeftOut(place, "blank")
        else:
            yield _message(place, cells, survey, chat)


def _records(head: Head) -> Iterator[tuple[int, list[str] | None]]:
    records = read_records(head)
    _, header = next(records, (1, None))
    if not header or tuple(cell.strip() for cell in header[: len(_COLUMNS)]) != _COLUMNS:
        raise UnreadableSource("The first line does not name WeChatMsg's columns: localId, TalkerId, Type and so on.")
    yield from records


def _survey(head: Head) -> _Survey:
    """Return whose chats the file holds: in the file of all chats one's own sender is 我, in that of one a wxid."""
    others: defaultdict[str, set[str]] = defaultdict(set)
    own, only_names = set[str](), True
    for _, cells in _records(head):
        if cells is None or len(cells) < len(_COLUMNS):
            continue
        remark, nickname, sender = _names(cells)
        if cells[4] == "1":
            own.add(sender)
        elif sender and cells[2] != "10000":
            others[cells[1]].add(sender)
            only_names = only_names and sender in (remark, nickname)
    if _SELF in own or (not own and others and only_names):
        return _Survey(True, frozenset(chat for chat, names in others.items() if len(names) > 1))
    everybody = set[str]().union(*others.values())
    return _Survey(False, frozenset(others) if len(everybody - own) > 1 else frozenset())


def _names(cells: list[str]) -> tuple[str, str, str]:
    """Return remark, nickname and sender; the file of all chats leaves out what it does not know."""
    rest = cells[len(_COLUMNS) :]
    if len(rest) == 1:
        return "", "", rest[0]
    remark, nickname, sender = (*rest, "", "", "")[:3]
    return remark, nickname, sender


def _message(place: Place, cells: list[str], survey: _Survey, chat: str) -> Row:
    if len(cells) < len(_COLUMNS):
        return LeftOut(place, "broken_row", f"{counted(len(cells), 'cell')} where 12 belong")
    local_id, talker, code, sub, own, created, _, content, clock = cells[: len(_COLUMNS)]
    timestamp = seconds_of(created) or seconds_of(clock)
    if not _is_code(code) or not _is_code(sub or "0") or timestamp is None:
        return LeftOut(place, "broken_row", "its type or its time is no number")
    words = words_of_cell(kind_of_legacy(int(code), int(sub or "0")), content)
    is_said = words.kind not in UNSPOKEN
    sender_id, sender_name = _sender(cells, own == "1", survey) if is_said else ("", "")
    return Message(
        place=place,
        chat_id=talker if survey.of_all else chat,
        chat_name=_chat_name(cells, talker) if survey.of_all else Path(chat).name,
        sender_id=sender_id,
        sender_name=sender_name,
        timestamp=timestamp,
        kind=words.kind,
        text=words.text,
        is_self=is_said and own == "1",
        is_group=talker in survey.groups or (not survey.of_all and bool(survey.groups)),
        message_id=local_id,
        quoted_text=words.quoted,
        order=int(local_id) if local_id.isascii() and local_id.isdecimal() and len(local_id) < 19 else 0,
    )


def _sender(cells: list[str], is_self: bool, survey: _Survey) -> tuple[str, str]:
    """Return id and name of a row's sender; the file of all chats has no ids, and no sender in some rows."""
    remark, nickname, sender = _names(cells)
    if not survey.of_all:
        return sender or remark or nickname, remark or nickname or sender
    name = _SELF if is_self else sender or remark or nickname
    return name, name


def _chat_name(cells: list[str], talker: str) -> str:
    remark, nickname, _ = _names(cells)
    return remark or nickname or talker


def _is_code(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _recognise_contacts(head: Head) -> str | None:
    is_ours = _CONTACTS_HEADER.match(head.text) is not None
    return "its first line names the columns of WeChatMsg's list of contacts" if is_ours else None


def _read_contacts(head: Head) -> Iterator[Row]:
    for row, cells in islice(read_records(head), 1, None):
        place = Place(head.label, row)
        is_blank = cells is not None and not any(cells)
        yield LeftOut(place, "blank") if is_blank else LeftOut(place, "contacts", "a contact, not a chat")


SOURCES: tuple[Source, ...] = (
    Source(
        "wechatmsg-csv",
        "WeChatMsg CSV, of one contact or of all (versions 0 to 2)",
        recognise_csv,
        read_csv,
        "this format has no words of quoted replies, links and files.",
    ),
    Source("wechatmsg-contacts", "WeChatMsg contacts (no chat)", _recognise_contacts, _read_contacts),
    *wechatmsg_html.SOURCES,
    *wechat_training.SOURCES,
)
