"""WeChatMsg's CSV and training files: the story, groups, all contacts in one file, XML in cells, spoiled files."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Dialogue, Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from tests.dataprep.sources.wechat_story import OTHER, SELF, STORY, read, spoiled, survives, times, told, writer

HEADER = ["localId", "TalkerId", "Type", "SubType", "IsSender", "CreateTime", "Status", "StrContent", "StrTime"]
HEADER += ["Remark", "NickName", "Sender"]
START = 1_740_823_200
IMAGE = '<?xml version="1.0"?>\n<msg>\n\t<img aeskey="00" length="5"/>\n</msg>\n'
VOICE = '<msg><voicemsg voicelength="2100"/><voicetrans istransend="1" transtext="那我先订场地&#x0A;"/></msg>'
EVENING = [
    (0, 1, 0, 0, "在吗"),
    (5, 1, 0, 1, "在\n刚下课，NA"),
    (9, 3, 0, 0, IMAGE),
    (20, 1, 0, 0, "晚上打球吗"),
    (40, 49, 57, 1, ""),
    (60, 34, 0, 0, VOICE),
    (70, 10000, 0, 1, "你撤回了一条消息"),
    (80, 10000, 4, 0, '"小满" 拍了拍我'),
    (120, 49, 5, 0, ""),
    (180, 49, 6, 0, ""),
    (240, 49, 2000, 1, ""),
    (3600, 50, 0, 0, ""),
    (7200, 47, 0, 1, '<msg><emoji md5="ab" cdnurl="http://example.com/s?a=1&amp;b=2"/></msg>'),
    (7290, 1, 0, 0, "[捂脸] 忘带拍子了"),
]
# What the CSV has no column for: it keeps these texts compressed, elsewhere.
LOST = {Kind.REPLY, Kind.LINK, Kind.FILE, Kind.TRANSFER, Kind.CALL}


def cells(number: int, remark: str = "", talker: int = 7) -> list[str]:
    """One row of the evening, counted from 0."""
    after, code, sub, own, text = EVENING[number]
    name, sender = ("林", SELF) if own else (remark or "小满", OTHER)
    first = [str(100 + number), str(talker), str(code), str(sub), str(own), str(START + after), "3", text]
    return [*first, "2025-03-01 18:00:00", name, name, sender]


def table(*rows: list[str], header: list[str] = HEADER) -> bytes:
    """Rows as the CSV that WeChatMsg writes: a byte order mark, CRLF."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode("utf-8-sig")


WHOLE = table(*(cells(number) for number in range(len(EVENING))))


def test_the_evening_is_told_but_for_what_the_csv_lacks(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("小满_utf8.csv", WHOLE))
    assert name == "wechatmsg-csv"
    assert told(rows) == [(*row[:2], "", "") if row[1] in LOST else row for row in STORY]
    assert times(rows)[1] == 5.0
    assert times(rows)[-1] == 7290.0


def test_every_record_is_a_row_placed_at_its_first_line(tmp_path: Path) -> None:
    _, rows = read(writer(tmp_path)("小满_utf8.csv", WHOLE))
    assert len(rows) == len(EVENING)
    # The second text is of two lines, the picture of four and an empty one.
    assert [row.place.row for row in rows[:5]] == [2, 3, 5, 10, 11]


def test_a_reply_without_its_text_is_still_a_reply(tmp_path: Path) -> None:
    _, rows = read(writer(tmp_path)("小满_utf8.csv", table(cells(0), cells(4))))
    reply = rows[1]
    assert isinstance(reply, Message)
    assert (reply.kind, reply.text, reply.quoted_text, reply.is_self) == (Kind.REPLY, "", "", True)


def test_senders_have_their_ids_and_their_remarks(tmp_path: Path) -> None:
    _, rows = read(writer(tmp_path)("小满_utf8.csv", table(cells(0), cells(1), cells(6))))
    people = [(row.sender_id, row.sender_name, row.is_self) for row in rows if isinstance(row, Message)]
    assert people == [(OTHER, "小满", False), (SELF, "林", True), ("", "", False)]
    assert {(row.chat_id, row.is_group) for row in rows if isinstance(row, Message)} == {("小满", False)}


def test_xml_in_attachments_is_read_where_a_file_has_it(tmp_path: Path) -> None:
    link, quote, place = cells(8), cells(4), cells(3)
    link[7] = "<msg><appmsg><title>球馆 &amp; 价目</title><des>周末另计</des></appmsg></msg>"
    inner = "<refermsg><displayname>小满</displayname><content>晚上打球吗</content></refermsg>"
    quote[7] = f"<msg><appmsg><title><![CDATA[可以]]></title>{inner}</appmsg></msg>"
    place[2], place[7] = "48", '<msg><location x="1" label="体育路 1 号" poiname="[位置]"/></msg>'
    _, rows = read(writer(tmp_path)("a_utf8.csv", table(link, quote, place)))
    assert [row[1:] for row in told(rows)] == [
        (Kind.LINK, "球馆 & 价目", ""),
        (Kind.REPLY, "可以", "晚上打球吗"),
        (Kind.LOCATION, "体育路 1 号", ""),
    ]


def test_a_recall_with_its_link_is_a_recall_and_an_invitation_is_not(tmp_path: Path) -> None:
    recall, invitation = cells(6), cells(6)
    recall[7] = '<![CDATA[你撤回了一条消息 <a href="weixin://revoke_edit_click">重新编辑</a>]]>'
    invitation[3], invitation[7] = "8000", '"阿木"邀请"小满"加入了群聊'
    _, rows = read(writer(tmp_path)("a_utf8.csv", table(recall, invitation)))
    assert [row[1] for row in told(rows)] == [Kind.RECALL, Kind.SYSTEM]


def test_three_people_make_a_group(tmp_path: Path) -> None:
    third = cells(3)
    third[9:] = ["", "阿木", "wxid_mu"]
    _, rows = read(writer(tmp_path)("球友_utf8.csv", table(cells(0), cells(1), third)))
    messages = [row for row in rows if isinstance(row, Message)]
    assert all(row.is_group and row.chat_name == "球友" for row in messages)
    assert messages[2].sender_name == "阿木"


def test_the_file_of_all_contacts_is_parted_by_talker(tmp_path: Path) -> None:
    def row(number: int, talker: int, chat: str, sender: str) -> list[str]:
        return [*cells(number, talker=talker)[:9], chat, "nick", sender]

    rows = [row(0, 7, "小满", "小满"), row(1, 7, "小满", "我"), row(0, 9, "球友", "阿木"), row(3, 9, "球友", "小满")]
    rows += [[*cells(3, talker=4)[:9], "阿水"], cells(3, talker=5)[:9]]
    _, read_rows = read(writer(tmp_path)("messages.csv", table(*rows)))
    messages = [row for row in read_rows if isinstance(row, Message)]
    assert [(row.chat_id, row.chat_name, row.sender_id, row.is_self, row.is_group) for row in messages] == [
        ("7", "小满", "小满", False, False),
        ("7", "小满", "我", True, False),
        ("9", "球友", "阿木", False, True),
        ("9", "球友", "小满", False, True),
        ("4", "4", "阿水", False, False),
        ("5", "5", "", False, False),
    ]


def test_rows_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    no_type, no_time = cells(0), cells(0)
    no_type[2], no_time[5], no_time[8] = "text", "soon", ""
    late = cells(3)
    late[5] = "9" * 400
    _, rows = read(writer(tmp_path)("a_utf8.csv", table(no_type, no_time, ["1", "2"], ["", ""], late)))
    assert [row.reason for row in rows if isinstance(row, LeftOut)] == ["broken_row"] * 3 + ["blank"]
    assert isinstance(rows[4], Message)


def test_the_list_of_contacts_is_told_from_chats_and_questions(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(
        "UserName,Alias,Type,Remark,NickName,PYInitial,RemarkPYInitial,smallHeadImgUrl,bigHeadImgUrl\r\n"
        "wxid_a,keeper,3,阿灯,Lamp,L,AD,,\r\nwxid_b,,3,,Boat,B,,,\r\n",
        encoding="utf-8-sig",
    )
    name, rows = read(path)
    assert name == "wechatmsg-contacts"
    assert [(row.place.row, row.reason) for row in rows if isinstance(row, LeftOut)] == [
        (2, "contacts"),
        (3, "contacts"),
    ]


def test_another_table_is_refused_with_the_columns_that_are_needed(tmp_path: Path) -> None:
    file = writer(tmp_path)("a.csv", "question,answer\na,b\n")
    with pytest.raises(UnreadableSource, match="localId"):
        list(BY_NAME["wechatmsg-csv"].read(look_at(file)))


def test_training_files_of_both_generations_are_dialogues(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在"}]
    alpaca = {"system": "", "instruction": "打球吗", "input": "", "output": "打", "history": [["在吗", "在"]]}
    files = {
        "wechatmsg-train": [{"conversations": [{"role": "system", "content": "你是林"}, *turns]}, {"conversations": 3}],
        "memotrace-alpaca": [alpaca, {**alpaca, "output": " "}],
    }
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False, indent=4)
        recognised, rows = read(writer(tmp_path)(f"{name}.json", text))
        assert recognised == name
        assert isinstance(rows[0], Dialogue)
        assert [message["role"] for message in rows[0].messages][-2:] == ["user", "assistant"]
        assert {"role": "assistant", "content": "在"} in rows[0].messages
        assert isinstance(rows[1], LeftOut)
        assert [row.place.row for row in rows] == [1, 2]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(WHOLE))
def test_no_spoiled_table_makes_the_reader_fall(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "wechatmsg-csv", data)
