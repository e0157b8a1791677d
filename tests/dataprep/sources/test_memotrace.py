"""MemoTrace's CSV, XLSX and TXT of every version: the story, groups, look-alikes, spoiled files."""

import csv
import io
import time
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataprep.records import Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at, recognise
from tests.dataprep.sources.wechat_story import (
    STORY,
    read,
    senders,
    spoiled,
    survives,
    times,
    told,
    without_self,
    writer,
)
from tests.dataprep.sources.workbooks import packed_workbook

HEADER = ["消息ID", "类型", "发送人", "时间", "内容", "备注", "昵称", "更多信息"]
LINK = "【分享链接】\n标题：球馆价目\n描述：周末另计\n链接: https://example.com/a,b\n应用：体育\n"
FILE = "【文件】名单 v3(终).xlsx 0.02 MB FileStorage\\File\\名单 v3(终).xlsx xlsx 00aa"
EVENING = [
    ("文本", "小满", "2025-03-01 18:00:00", "在吗"),
    ("文本", "林", "2025-03-01 18:00:05", "在\n刚下课，NA"),
    ("图片", "小满", "2025-03-01 18:00:09", "【图片】（20250301_180009_700000_0）"),
    ("文本", "小满", "2025-03-01 18:00:20", "晚上打球吗"),
    ("引用消息", "林", "2025-03-01 18:00:40", "可以，七点见\n引用：小满: 晚上打球吗"),
    ("语音", "小满", "2025-03-01 18:01:00", "【语音】那我先订场地 20250301_180100_700000_0"),
    ("系统消息", "林", "2025-03-01 18:01:10", "你撤回了一条消息"),
    ("拍一拍", "小满", "2025-03-01 18:01:20", '"小满" 拍了拍我'),
    ("分享链接", "小满", "2025-03-01 18:02:00", LINK),
    ("文件", "小满", "2025-03-01 18:03:00", FILE),
    ("转账", "林", "2025-03-01 18:04:00", "【发起转账】:￥20.00\n备注: 球费\n"),
    ("音视频通话", "小满", "2025-03-01 19:00:00", "【音视频通话】\n通话时长 00:42"),
    ("表情包", "林", "2025-03-01 20:00:00", "【表情包】 击掌"),
    ("文本", "小满", "2025-03-01 20:01:30", "[捂脸] 忘带拍子了"),
]
PROGRAM = {Kind.RECALL, Kind.PAT, Kind.SYSTEM}


def cells(number: int) -> list[str]:
    """One row of the evening, counted from 0."""
    kind, sender, clock, text = EVENING[number]
    return [str(7201002003004005000 + number), kind, sender, clock, text, sender, sender, "more"]


def table(*rows: list[str]) -> bytes:
    """Rows as the CSV that MemoTrace writes."""
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode("utf-8-sig")


def workbook(*sheets: list[list[str]]) -> bytes:
    """Sheets as an XLSX file: the first column as inline texts, the others shared."""
    shared: dict[str, int] = {}

    def cell(text: str, column: int, row: int) -> str:
        place = f'r="{"ABCDEFGH"[column]}{row}"'
        if column == 0:
            return f'<c {place} t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        return f'<c {place} t="s"><v>{shared.setdefault(text, len(shared))}</v></c>'

    bodies = [
        "".join(
            f'<row r="{row}">{"".join(cell(text, column, row) for column, text in enumerate(texts) if text)}</row>'
            for row, texts in enumerate(rows, 1)
        )
        for rows in sheets
    ]
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in shared)
    return packed_workbook(*bodies, strings=items)


def text_v3(*rows: int) -> str:
    """Rows as the TXT of MemoTrace 3: a system line has no name."""
    heads = (f"{EVENING[at][2]}" + ("" if EVENING[at][0] == "系统消息" else f" {EVENING[at][1]}") for at in rows)
    return "\n\n".join(f"{head}\n{EVENING[at][3]}" for head, at in zip(heads, rows, strict=True))


ALL = range(len(EVENING))
WHOLE = table(*(cells(number) for number in ALL))
BOOK = workbook([HEADER, *(cells(number) for number in ALL)], [["wxid", "微信号"], ["wxid_xiaoman", "xm"]])
OLD_TEXT = f"""2025-03-01 18:00:00 小满
在吗

2025-03-01 18:00:05 林
在

刚下课，NA
2025-03-01 12:00:00 抄来的一行

2025-03-01 18:00:09 小满
[图片]

2025-03-01 18:00:40 林
可以，七点见
引用:小满:晚上打球吗

2025-03-01 18:01:00 小满
[语音]

2025-03-01 18:01:10 你撤回了一条消息

2025-03-01 18:02:00 小满
            [链接]:title:球馆价目
            description:周末另计
            url:https://example.com/a
            name:体育
{" " * 12}


2025-03-01 18:03:00 "阿木"邀请"小满"加入了群聊

"""
EXPECTED_SENDERS = ["" if row[1] in PROGRAM else "林" if row[0] else "小满" for row in STORY]


@pytest.mark.parametrize(
    ("file", "content"),
    [("a.csv", WHOLE), ("a.xlsx", BOOK), ("a.txt", text_v3(*ALL).encode())],
    ids=["csv", "xlsx", "txt"],
)
def test_the_evening_is_told_whole(tmp_path: Path, file: str, content: bytes) -> None:
    name, rows = read(writer(tmp_path)(file, content))
    assert name == f"memotrace-{file[2:]}"
    assert without_self(told(rows)) == without_self(STORY)
    assert senders(rows) == EXPECTED_SENDERS
    assert times(rows)[-1] == 7290.0
    assert {(row.is_self, row.is_group) for row in rows if isinstance(row, Message)} == {(None, False)}


def test_rows_are_placed_where_the_file_has_them(tmp_path: Path) -> None:
    _, of_csv = read(writer(tmp_path)("a.csv", WHOLE))
    _, of_book = read(writer(tmp_path)("a.xlsx", BOOK))
    _, of_text = read(writer(tmp_path)("a.txt", text_v3(0, 1, 2)))
    assert [row.place.row for row in of_csv[:4]] == [2, 3, 5, 6]
    assert [row.place.row for row in of_book] == list(range(2, 16))
    assert [row.place.row for row in of_text] == [1, 4, 8]


def test_ids_of_nineteen_digits_stay_whole(tmp_path: Path) -> None:
    for name, content in {"a.csv": WHOLE, "a.xlsx": BOOK}.items():
        _, rows = read(writer(tmp_path)(name, content))
        assert isinstance(rows[3], Message)
        assert rows[3].message_id == "7201002003004005003"


def test_a_third_name_makes_a_group(tmp_path: Path) -> None:
    third = cells(3)
    third[2] = "阿木"
    rows_of = [cells(0), cells(1), third]
    text = text_v3(0, 1) + "\n\n2025-03-01 18:00:20 阿木\n来了"
    files: dict[str, str | bytes] = {"a.csv": table(*rows_of), "a.xlsx": workbook([HEADER, *rows_of]), "a.txt": text}
    for name, content in files.items():
        _, rows = read(writer(tmp_path)(name, content))
        assert all(isinstance(row, Message) and row.is_group for row in rows)


def test_rows_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    no_time = cells(0)
    no_time[3] = "昨天"
    unknown = cells(0)
    unknown[1], unknown[4] = "未知类型", "49\n{'msg': None}"
    _, rows = read(writer(tmp_path)("a.csv", table(no_time, ["1"], [""], unknown, cells(3))))
    left = [row for row in rows if isinstance(row, LeftOut)]
    assert [row.reason for row in left] == ["broken_row", "broken_row", "blank"]
    assert left[1].detail == "1 cell where 8 belong"
    assert without_self(told(rows)) == [(Kind.OTHER, "", ""), (Kind.TEXT, "晚上打球吗", "")]


@pytest.mark.parametrize("file", ["a.mp3", "语音_7.WAV", "voice\\m.silk", "9.amr", "x.m4a", "20250301_180100_7_0"])
@pytest.mark.parametrize("words", ["明天几点", ""])
def test_a_voice_says_its_words_without_the_name_of_its_file(tmp_path: Path, file: str, words: str) -> None:
    voice = cells(5)
    voice[4] = f"【语音】{words} {file}"
    _, rows = read(writer(tmp_path)("a.csv", table(voice)))
    assert without_self(told(rows)) == [(Kind.VOICE, words, "")]


def test_the_old_text_is_read_too(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("小满.txt", OLD_TEXT))
    assert name == "memotrace-txt"
    assert without_self(told(rows)) == [
        (Kind.TEXT, "在吗", ""),
        (Kind.TEXT, "在\n\n刚下课，NA\n2025-03-01 12:00:00 抄来的一行", ""),
        (Kind.IMAGE, "", ""),
        (Kind.REPLY, "可以，七点见", "晚上打球吗"),
        (Kind.VOICE, "", ""),
        (Kind.RECALL, "你撤回了一条消息", ""),
        (Kind.LINK, "球馆价目", ""),
        (Kind.SYSTEM, '"阿木"邀请"小满"加入了群聊', ""),
    ]
    assert {row.is_group for row in rows if isinstance(row, Message)} == {False}


def test_lines_that_belong_to_no_message_are_told(tmp_path: Path) -> None:
    file = writer(tmp_path)("a.txt", "我的笔记\n\n" + text_v3(0))
    rows = list(BY_NAME["memotrace-txt"].read(look_at(file)))
    assert [type(row) for row in rows] == [LeftOut, Message]


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01 18:00:00 '小满'\n在吗\n\n2025-03-01 18:00:05 '我'\n在\n",
        "2025-03-01 18:00:00 INFO start\n2025-03-01 18:00:01 INFO stop\n2025-03-01 18:00:02 WARN late\n",
        "消息记录（此消息记录为文本格式，不支持重新导入）\n\n2025-03-01 18:00:00 小满(123)\n在吗\n",
        "",
    ],
    ids=["weflow", "log", "qq", "nothing"],
)
def test_look_alikes_of_the_text_are_not_taken(tmp_path: Path, text: str) -> None:
    found = recognise(look_at(writer(tmp_path)("a.txt", text)))
    assert found is None or not found[0].name.startswith("memotrace")


@pytest.mark.parametrize("name", ["memotrace-csv", "memotrace-xlsx"])
def test_another_table_is_refused_with_the_columns_that_are_needed(tmp_path: Path, name: str) -> None:
    content = workbook([["问", "答"]]) if name.endswith("xlsx") else "问,答\n"
    with pytest.raises(UnreadableSource, match="消息ID"):
        list(BY_NAME[name].read(look_at(writer(tmp_path)("a", content))))


SPOILED = st.one_of(
    st.tuples(st.just("memotrace-csv"), spoiled(WHOLE)),
    st.tuples(st.just("memotrace-xlsx"), spoiled(BOOK)),
    st.tuples(st.just("memotrace-txt"), spoiled(text_v3(*ALL).encode())),
    st.tuples(st.just("memotrace-txt"), spoiled(OLD_TEXT.encode())),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=SPOILED)
def test_no_spoiled_file_makes_a_reader_fall(tmp_path: Path, case: tuple[str, bytes]) -> None:
    assert survives(tmp_path, *case)


def test_a_text_made_to_be_slow_is_not(tmp_path: Path) -> None:
    digits = "20250301_180009_" * 5_000
    texts = [
        f"【语音】{digits}!",
        f"【文件】{digits} {digits}",
        "【合并转发的聊天记录】\n" * 5_000,
        "林:\n\n" * 10_000,
    ]
    began = time.process_time()
    for text in texts:
        file = writer(tmp_path)("a.txt", f"{text_v3(0)}\n\n2025-03-01 18:00:00 小满\n{text}")
        assert len(list(BY_NAME["memotrace-txt"].read(look_at(file)))) == 2
        file = writer(tmp_path)("a_chat.txt", f"{'*' * 20}2025-03-01{'*' * 20}\n\n小满:{text}")
        assert list(BY_NAME["memotrace-ai-txt"].read(look_at(file)))
    assert time.process_time() - began < 5
