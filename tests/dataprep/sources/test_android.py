"""Android's message table: the story, the order of the file, groups, XML, spoiled files."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from tests.dataprep.sources.wechat_story import OTHER, STORY, read, spoiled, survives, times, told, writer

HEADER = [
    "msgId",
    "msgSvrId",
    "type",
    "status",
    "isSend",
    "isShowTimer",
    "createTime",
    "talker",
    "content",
    "imgPath",
    "reserved",
]
START = 1740823200000


def attached(kind: int, title: str, inner: str = "") -> str:
    """The XML of something attached."""
    inside = f"<title>{title}</title><type>{kind}</type>{inner}"
    return f'<?xml version="1.0"?>\n<msg><appmsg appid="" sdkver="0">{inside}</appmsg></msg>'


QUOTED = "<refermsg><type>1</type><displayname>小满</displayname><content>晚上打球吗</content></refermsg>"
EVENING: list[tuple[int, int, str, int]] = [
    (1, 0, "在吗", 0),
    (1, 1, "在\n刚下课，NA", 5),
    (3, 0, '<msg><img aeskey="00"/></msg>', 9),
    (1, 0, "晚上打球吗", 20),
    (822083633, 1, attached(57, "可以，七点见", QUOTED), 40),
    (34, 0, '<msg><voicemsg length="12"/></msg>', 60),
    (10000, 0, "你撤回了一条消息", 70),
    (922746929, 0, '"小满" 拍了拍我', 80),
    (49, 0, attached(5, "<![CDATA[球馆价目]]>"), 120),
    (1090519089, 0, attached(6, "名单 v3(终).xlsx"), 180),
    (419430449, 1, attached(2000, "￥20.00 球费"), 240),
    (50, 0, "通话时长 00:42", 3600),
    (47, 1, "9f1c0a77", 7200),
    (1, 0, "[捂脸] 忘带拍子了", 7290),
]
SILENT = [(*row[:2], "" if row[1] == Kind.VOICE else row[2], row[3]) for row in STORY]


def cells(code: object, is_send: object, content: str, time: object, talker: str = OTHER) -> list[str]:
    """One row of the table."""
    return ["1", "70", str(code), "3", str(is_send), "0", str(time), talker, content, "", ""]


def table(*rows: list[str]) -> str:
    """Rows under the header."""
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue()


WHOLE = table(*(cells(code, sent, content, START + 1000 * after) for code, sent, content, after in reversed(EVENING)))


def test_the_evening_is_told_backwards_as_the_file_has_it(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("message.csv", WHOLE))
    assert name == "android-csv"
    assert told(rows) == SILENT[::-1]
    assert times(rows) == [after - 7290 for *_, after in reversed(EVENING)]


def test_a_room_names_the_sender_before_the_text(tmp_path: Path) -> None:
    said = table(
        cells(1, 0, "wxid_a:\n来吗：\n三点", START, "9@chatroom"),
        cells(1, 1, "ok:\n好", START, "9@chatroom"),
        cells(1, 0, "没有前缀", START, "9@chatroom"),
    )
    rows = [row for row in read(writer(tmp_path)("m.csv", said))[1] if isinstance(row, Message)]
    assert {(row.chat_id, row.is_group) for row in rows} == {("9@chatroom", True)}
    assert [(row.sender_id, row.is_self, row.text) for row in rows] == [
        ("wxid_a", False, "来吗：\n三点"),
        ("我", True, "ok:\n好"),
        ("", False, "没有前缀"),
    ]


@pytest.mark.parametrize(
    ("code", "content", "kind", "words"),
    [
        (49, attached(33, "点餐"), Kind.SHARE, "点餐"),
        (268435505, attached(19, "小满的聊天记录"), Kind.FORWARD, "小满的聊天记录"),
        (16777265, attached(5, "一 &amp;amp; 二"), Kind.LINK, "一 &amp; 二"),
        (49, "<msg>没有类型", Kind.OTHER, ""),
        (
            10002,
            '<sysmsg type="revokemsg"><replacemsg>你撤回了一条消息</replacemsg></sysmsg>',
            Kind.RECALL,
            "你撤回了一条消息",
        ),
        (1, "<b>我打的尖括号</b>", Kind.TEXT, "<b>我打的尖括号</b>"),
        (34, "wxid_lxb2026self:3000:1\n", Kind.VOICE, ""),
        (-1879048186, "x", Kind.OTHER, "x"),
        (777, "x", Kind.OTHER, "x"),
    ],
)
def test_a_kind_goes_by_the_number_and_by_the_xml(
    tmp_path: Path, code: int, content: str, kind: Kind, words: str
) -> None:
    rows = read(writer(tmp_path)("m.csv", table(cells(code, 0, content, START))))[1]
    assert told(rows) == [(False, kind, words, "")]


@pytest.mark.parametrize(
    "row",
    [
        cells("x", 0, "a", START),
        cells("", 0, "a", START),
        cells(1, 5, "a", START),
        cells(1, 0, "a", 0),
        ["1", "2", "3"],
    ],
)
def test_a_broken_row_is_left_out_alone(tmp_path: Path, row: list[str]) -> None:
    good = cells(1, 0, "好", START)
    _, rows = read(writer(tmp_path)("m.csv", table(good, row, good)))
    assert [row.reason if isinstance(row, LeftOut) else "" for row in rows] == ["", "broken_row", ""]


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    head = look_at(writer(tmp_path)("m.csv", "msgId,msgSvrId,type,status,isSend\n"))
    with pytest.raises(UnreadableSource, match="createTime"):
        list(BY_NAME["android-csv"].read(head))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(WHOLE.encode()))
def test_spoiled_tables_give_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "android-csv", data)
