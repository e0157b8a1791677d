"""MemoTrace's texts for language models: speakers, days, what belongs to no turn, spoiled files."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, Message
from tests.dataprep.sources.wechat_story import read, senders, spoiled, survives, times, told, without_self, writer

STARS = "*" * 20
AI_TEXT = f"""

{STARS}2025-03-01{STARS}

小满:在吗

林:在
刚下课，NA

小满:【图片】（20250301_180009_700000_0）
晚上打球吗

林:先等等
可以，七点见
引用：小满: 晚上打球吗
你撤回了一条消息

小满:【分享链接】
标题：球馆价目
描述：周末另计
链接: https://example.com/a,b
应用：体育

【音视频通话】
通话时长 00:42
【合并转发的聊天记录】

- 2025-02-28 18:00:00 阿木: 来
- 2025-02-28 18:00:01 阿水: 好


{STARS}2025-03-02{STARS}
[捂脸] 忘带拍子了"""


def test_the_text_for_models_is_told_by_speakers_and_days(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("小满_chat.txt", AI_TEXT))
    assert name == "memotrace-ai-txt"
    assert without_self(told(rows)) == [
        (Kind.TEXT, "在吗", ""),
        (Kind.TEXT, "在\n刚下课，NA", ""),
        (Kind.IMAGE, "", ""),
        (Kind.TEXT, "晚上打球吗", ""),
        (Kind.TEXT, "先等等", ""),
        (Kind.REPLY, "可以，七点见", "晚上打球吗"),
        (Kind.RECALL, "你撤回了一条消息", ""),
        (Kind.LINK, "球馆价目", ""),
        (Kind.CALL, "通话时长 00:42", ""),
        (Kind.FORWARD, "- 2025-02-28 18:00:00 阿木: 来\n- 2025-02-28 18:00:01 阿水: 好", ""),
        (Kind.TEXT, "[捂脸] 忘带拍子了", ""),
    ]
    assert senders(rows) == [*("小满", "林", "小满", "小满", "林", "林", "", "小满", "小满", "小满"), "小满"]
    assert times(rows) == [0.0] * 10 + [86_400.0]


def test_the_old_text_for_models_has_a_turn_on_one_line(tmp_path: Path) -> None:
    _, rows = read(writer(tmp_path)("a_chat.txt", f"\n\n{STARS}2023-05-01{STARS}\n\n小满:在吗 打球吗 \n林:在 "))
    assert [(row.sender_id, row.text) for row in rows if isinstance(row, Message)] == [
        ("小满", "在吗 打球吗"),
        ("林", "在"),
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=spoiled(AI_TEXT.encode()))
def test_no_spoiled_file_makes_the_reader_fall(tmp_path: Path, content: bytes) -> None:
    assert survives(tmp_path, "memotrace-ai-txt", content)
