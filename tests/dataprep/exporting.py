"""What the writers of all WeChat exports share: files, tables, and WeChat's own numbers for kinds."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dataprep.records import Kind

Content = str | bytes


class Export(NamedTuple):
    """The files of one export, and the reader that must know them."""

    format: str
    files: dict[str, Content]
    me: tuple[str, ...] = ()


def write(export: Export, folder: Path) -> Path:
    """Write an export; returns the file, or the folder of several."""
    for name, content in export.files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return folder if len(export.files) > 1 else folder / next(iter(export.files))


def as_csv(header: Sequence[str], rows: Sequence[Sequence[object]], end: str = "\r\n") -> str:
    """A table under this header."""
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([header, *rows])
    return text.getvalue()


def as_json(value: object) -> str:
    """A value as exporters indent it."""
    return json.dumps(value, ensure_ascii=False, indent=4)


# WeChat's type and subtype.
CODES = {
    Kind.TEXT: (1, 0),
    Kind.IMAGE: (3, 0),
    Kind.VOICE: (34, 0),
    Kind.VIDEO: (43, 0),
    Kind.STICKER: (47, 0),
    Kind.LINK: (49, 5),
    Kind.FILE: (49, 6),
    Kind.REPLY: (49, 57),
    Kind.TRANSFER: (49, 2000),
    Kind.CALL: (50, 0),
    Kind.RECALL: (10000, 0),
    Kind.PAT: (10000, 4),
}
SPOKEN_OUT = (Kind.TEXT, Kind.RECALL, Kind.PAT)
NUMBERS = {
    **{kind: code for kind, (code, _) in CODES.items()},
    Kind.LINK: 21474836529,
    Kind.FILE: 25769803825,
    Kind.REPLY: 244813135921,
    Kind.TRANSFER: 8589934592049,
    Kind.PAT: 266287972401,
}
NAMES = {
    Kind.TEXT: "文本",
    Kind.IMAGE: "图片",
    Kind.VOICE: "语音",
    Kind.VIDEO: "视频",
    Kind.STICKER: "表情包",
    Kind.LINK: "分享链接",
    Kind.FILE: "文件",
    Kind.REPLY: "引用消息",
    Kind.TRANSFER: "转账",
    Kind.CALL: "音视频通话",
    Kind.RECALL: "系统消息",
    Kind.PAT: "拍一拍",
}
