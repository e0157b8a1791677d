"""QQ's own text record: heads, titles, ids in two kinds of brackets, and the bodies between them."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind
from dataprep.sources.qq import SOURCES
from tests.dataprep.sources.exports import messages, numbers, read, reasons, spoiled, try_to_read, write

RULE = "=" * 64
RECORD = f"""\ufeff消息记录（此消息记录为文本格式，不支持重新导入）

{RULE}
消息分组:我的群聊
{RULE}
消息对象:骑行队
{RULE}

2025-03-02 7:05:01 【队长】大熊(31001)
周六八点集合
带上备胎

第二段

2025-03-02 07:05:40 mimi<mimi@example.org>
[图片]

2025-03-02 07:06:00 小周(31002)
[图片]路线在这

2025-03-02 07:06:30 系统消息(10000)
大熊撤回了一条消息

2025-03-02 07:06:40 系统消息(10000)
mimi加入本群

2025-03-02 07:07:00 无号
[闪照]请使用新版手机QQ查看闪照。
""".replace("\n", "\r\n")


def test_each_head_starts_a_message_with_its_sender(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "骑行队.txt", RECORD), "qq-txt")
    assert [(one.sender_id, one.sender_name, one.kind, one.text) for one in messages(rows)] == [
        ("31001", "大熊", Kind.TEXT, "周六八点集合\n带上备胎\n\n第二段"),
        ("mimi@example.org", "mimi", Kind.IMAGE, ""),
        ("31002", "小周", Kind.TEXT, "[图片]路线在这"),
        ("", "", Kind.RECALL, "大熊撤回了一条消息"),
        ("", "", Kind.SYSTEM, "mimi加入本群"),
        ("无号", "无号", Kind.IMAGE, ""),
    ]
    assert numbers(rows) == [9, 15, 18, 21, 24, 27]


def test_the_head_names_a_group_and_nobody_is_known_to_be_self(tmp_path: Path) -> None:
    first = messages(read(write(tmp_path, "r.txt", RECORD), "qq-txt"))[0]
    assert (first.chat_name, first.is_group, first.is_self, first.timestamp) == ("骑行队", True, None, 1740899101)


def test_a_record_of_several_chats_keeps_them_apart(tmp_path: Path) -> None:
    second = f"{RULE}\n消息分组:我的好友\n{RULE}\n消息对象:阿水\n{RULE}\n\n2025-03-03 08:00:00 阿水\n在吗\n"
    last = messages(read(write(tmp_path, "r.txt", RECORD + second), "qq-txt"))[-1]
    assert (last.chat_id, last.is_group, last.text) == ("阿水", False, "在吗")


def test_text_before_the_first_message_is_accounted_for(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "r.txt", RECORD.replace("消息对象:骑行队", "消息对象:骑行队\r\n广告")), "qq-txt")
    assert reasons(rows) == ["stray_line"]
    assert rows[0].place.row == 7


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiled(RECORD.encode()))
def test_no_spoiled_record_raises(tmp_path: Path, content: bytes) -> None:
    rows = try_to_read(SOURCES[0], write(tmp_path, "r.txt", content))
    assert numbers(rows) == sorted(set(numbers(rows)))
