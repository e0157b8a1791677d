"""The pages of WeChatMsg and MemoTrace: the story from both scripts, escapes, broken objects, nothing executed."""

import html
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataprep.records import LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from dataprep.sources.js_literals import BrokenLiteral, read_literal
from tests.dataprep.sources.wechat_story import STORY, read, spoiled, survives, times, told, writer

START = 1_740_823_200
EMOTICON = '<img src="https://example.com/2_05@2x.png" id="捂脸" class="emoji_img">'
OLD = [
    (0, 1, 0, r"text: '在吗'"),
    (5, 1, 1, r"text: '在\n刚下课，NA'"),
    (9, 3, 0, "text: './image/a.png'"),
    (20, 1, 0, "text: '晚上打球吗'"),
    (40, 49, 1, "text: '可以，七点见',sub_type:57,refer_text: '小满：晚上打球吗'"),
    (60, 34, 0, "text:'./voice/1.mp3',voice_to_text:'那我先订场地'"),
    (70, 0, 1, "text: '你撤回了一条消息'"),
    (80, 0, 0, r"text: '\"小满\" 拍了拍我'"),
    (120, 49, 0, "sub_type:5, text:'',url:'https://example.com/a,b',title:'球馆价目',description:'周末另计'"),
    (180, 49, 0, "text: './file/x',sub_type:6,file_name: '名单 v3(终).xlsx',file_size: '9',app_name: ''"),
    (240, 49, 1, "sub_type:2000,text:'球费',paysubtype:1,pay_memo:'球费',feedesc:'￥20.00',"),
    (3600, 50, None, "text:'通话时长 00:42',call_type:1,"),
    (7200, 3, 1, "text: 'http://example.com/sticker?a=1&b=2'"),
    (7290, 1, 0, f"text: '{EMOTICON} 忘带拍子了'"),
]
NEW: list[tuple[int, int, bool, dict[str, Any]]] = [
    (0, 1, False, {"text": "在吗"}),
    (5, 1, True, {"text": "在\n刚下课，NA"}),
    (9, 3, False, {"path": "./image/a", "file_name": "20250301_180009_701000_0"}),
    (20, 1, False, {"text": "晚上打球吗"}),
    (40, 244813135921, True, {"text": "可以，七点见", "quote_text": "小满: 晚上打球吗", "quote_server_id": "703"}),
    (60, 34, False, {"voice_to_text": "那我先订场地", "duration": 2}),
    (70, 10000, True, {"text": "你撤回了一条消息"}),
    (80, 10000, False, {"text": '"小满" 拍了拍我'}),
    (120, 21474836529, False, {"title": "球馆价目", "url": "https://example.com/a,b"}),
    (180, 25769803825, False, {"file_name": "名单 v3(终).xlsx", "file_size": 9}),
    (240, 8589934592049, True, {"text": "发起转账", "pay_memo": "球费", "fee_desc": "￥20.00"}),
    (3600, 50, False, {"display_content": "通话时长 00:42"}),
    (7200, 47, True, {"path": "http://example.com/sticker", "desc": "笑"}),
    (7290, 1, False, {"text": "[捂脸] 忘带拍子了"}),
]


def page(array: str, title: str = "小满", style: str = "") -> str:
    """A page around the array, with a script after it that must stay unread."""
    head = f"<html><head><title>{title}</title><style>{style}</style></head><body><script>const chatMessages = "
    return f"{head}{array};\nfunction later() {{ return {{ kind: 1 }} }}\n</script></body></html>"


def old_object(after: int, code: int, own: int | None, members: str) -> str:
    """A message as WeChatMsg writes it; calls have no is_send."""
    name = "小满" if own in (0, None) else "林"
    side = "" if own is None else f"is_send:{own},"
    tail = f"avatar_path:'',timestamp:{START + after},is_chatroom:0,displayname:'{name}'"
    return f"{{ type:{code}, {members.rstrip(',')},{side}{tail}}},"


def new_object(after: int, code: int, own: bool, members: dict[str, Any]) -> dict[str, Any]:
    """A message as MemoTrace writes it, its texts escaped for HTML."""
    escaped = {key: html.escape(value) if isinstance(value, str) else value for key, value in members.items()}
    about = {"server_id": f"70{after}", "display_name": "林" if own else "小满", "xml_dict": {"msg": {"a": None}}}
    return {"type": str(code), "is_send": own, "timestamp": START + after, **about, **escaped}


OLD_PAGE = page("[\n" + "\n".join(old_object(*row) for row in OLD) + "\n]")
NEW_PAGE = page(json.dumps([new_object(*row) for row in NEW], ensure_ascii=False, indent=4))


@pytest.mark.parametrize("content", [OLD_PAGE, NEW_PAGE], ids=["old", "new"])
def test_both_generations_tell_the_evening(tmp_path: Path, content: str) -> None:
    name, rows = read(writer(tmp_path)("小满.html", content))
    assert name == "wechatmsg-html"
    assert told(rows) == STORY
    assert times(rows)[-1] == 7290.0
    assert [row.place.row for row in rows] == list(range(1, len(STORY) + 1))


def test_a_page_is_known_by_a_script_beyond_the_first_look(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("小满.html", page("[" + old_object(*OLD[0]) + "]", style="a{} " * 40_000)))
    assert (name, len(rows)) == ("wechatmsg-html", 1)


def test_entities_and_escapes_are_decoded_once(tmp_path: Path) -> None:
    text = r"text: 'a &lt;b&gt; &amp;amp; \'c\' \"d\" \\n \u4f60\ud83d\ude00\ud83d'"
    _, rows = read(writer(tmp_path)("a.html", page("[" + old_object(0, 1, 0, text) + "]")))
    assert told(rows)[0][2] == "a <b> &amp; 'c' \"d\" \\n 你😀\ufffd"


def test_a_quote_that_was_not_escaped_costs_its_own_message_alone(tmp_path: Path) -> None:
    broken = old_object(1, 49, 0, "sub_type:5,text:'',title:'It's {here}'")
    array = "[" + old_object(*OLD[0]) + broken + old_object(*OLD[3]) + "]"
    _, rows = read(writer(tmp_path)("a.html", page(array)))
    assert [type(row) for row in rows] == [Message, LeftOut, Message]
    assert told(rows)[1][2] == "晚上打球吗"


def test_a_page_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    content = OLD_PAGE[: OLD_PAGE.index("晚上打球吗")]
    _, rows = read(writer(tmp_path)("a.html", content))
    assert [type(row) for row in rows] == [Message, Message, Message, LeftOut]


def test_a_chat_room_is_a_group(tmp_path: Path) -> None:
    content = page("[" + old_object(*OLD[0]).replace("is_chatroom:0", "is_chatroom:1") + "]", title="球友 &amp; 教练")
    _, rows = read(writer(tmp_path)("a.html", content))
    assert isinstance(rows[0], Message)
    assert (rows[0].is_group, rows[0].chat_name) == (True, "球友 & 教练")


def test_a_page_without_the_array_is_refused(tmp_path: Path) -> None:
    file = writer(tmp_path)("a.html", "<html><title>a</title></html>")
    with pytest.raises(UnreadableSource, match="chatMessages"):
        list(BY_NAME["wechatmsg-html"].read(look_at(file)))


def test_literals_are_values_and_calls_are_not() -> None:
    value, end = read_literal("{a:1,'b':[true,null,-2.5e1,],\"c\":{},} ;", 0)
    assert (value, end) == ({"a": 1, "b": [True, None, -25.0], "c": {}}, 37)
    for text in ("{a:alert(1)}", "{a:`x`}", "{a:1 b:2}", "[1,,2]", "(1)", "[" * 5000):
        with pytest.raises(BrokenLiteral):
            read_literal(text, 0)


@pytest.mark.parametrize("piece", ["{ type:1, a:'\\'", "{type:1 ", "[", "{ type:1,a:{ type:1,", "{" + " " * 20, ",\n"])
def test_a_page_made_to_be_slow_is_not(tmp_path: Path, piece: str) -> None:
    file = writer(tmp_path)("a.html", page("[" + piece * (300_000 // len(piece))))
    began = time.process_time()
    list(BY_NAME["wechatmsg-html"].read(look_at(file)))
    assert time.process_time() - began < 5


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(spoiled(OLD_PAGE.encode()), spoiled(NEW_PAGE.encode())))
def test_no_spoiled_page_makes_the_reader_fall(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "wechatmsg-html", data)
