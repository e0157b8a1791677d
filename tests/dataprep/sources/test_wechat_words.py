"""Placeholders, quotes and the program's own sentences, told from what people write."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.records import Kind
from dataprep.sources.wechat_words import kind_of_codes, read_typed, read_untyped, split_quote


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("[图片]", Kind.IMAGE, ""),
        ("[图片] media/images/1.jpg", Kind.IMAGE, ""),
        ("【图片】（a.jpg）", Kind.IMAGE, ""),
        ("[语音消息] 到了", Kind.VOICE, "到了"),
        ("[语音消息 - 转文字失败]", Kind.VOICE, ""),
        ("[语音通话] 已取消", Kind.CALL, "已取消"),
        ("[红包] 恭喜发财", Kind.RED_PACKET, "恭喜发财"),
        ("[转账] ￥1.00 (a) 茶 (甲 转账给 乙)", Kind.TRANSFER, "￥1.00 (a) 茶"),
        ("[位置] 西湖", Kind.LOCATION, "西湖"),
        ('"小满" 撤回了一条消息', Kind.RECALL, '"小满" 撤回了一条消息'),
        ("我拍了拍自己", Kind.PAT, "我拍了拍自己"),
        ('你邀请"甲"加入了群聊', Kind.SYSTEM, '你邀请"甲"加入了群聊'),
        ("你已添加了小满，现在可以开始聊天了。", Kind.SYSTEM, "你已添加了小满，现在可以开始聊天了。"),
        # What people write themselves.
        ("[捂脸]", Kind.TEXT, "[捂脸]"),
        ("[图片] 发不出去", Kind.TEXT, "[图片] 发不出去"),
        ("我拍了拍他的肩膀", Kind.TEXT, "我拍了拍他的肩膀"),
        ("他说你撤回了一条消息", Kind.TEXT, "他说你撤回了一条消息"),
        ("看[引用 这里", Kind.TEXT, "看[引用 这里"),
        ("", Kind.TEXT, ""),
    ],
)
def test_a_text_alone_tells_its_kind(text: str, kind: Kind, words: str) -> None:
    told = read_untyped(text)
    assert (told.kind, told.text) == (kind, words)


def test_a_text_named_as_text_is_never_taken_for_anything_else() -> None:
    assert read_typed(Kind.TEXT, "[图片]").text == "[图片]"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("好\n\n[引用](2025-03-01 18:00:20)甲:一:二", ("好", "一:二")),
        (
            "那六点\n\n[引用](2025-03-01 18:01:00)wxid_b:太早了\n\n[引用](2025-03-01 18:00:20)我:五点",
            ("那六点", "太早了"),
        ),
        ("好[引用 甲：一：二]", ("好", "一：二")),
        ("行[引用 甲：那呢[引用 我：六点]]", ("行", "那呢")),
        ("行[引用 甲：[引用 我：六点]]", ("行", "[引用 我：六点]")),
        ("好", ("好", "")),
        ("好[引用 甲", ("好[引用 甲", "")),
    ],
)
def test_a_quote_is_cut_from_its_reply(text: str, parts: tuple[str, str]) -> None:
    assert split_quote(text) == parts


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ((1, 0), Kind.TEXT),
        ((49, 57), Kind.REPLY),
        ((49, 12345), Kind.OTHER),
        ((12345, 57), Kind.OTHER),
        ((50, 0), Kind.CALL),
    ],
)
def test_numbers_stand_for_kinds(codes: tuple[int, int], kind: Kind) -> None:
    assert kind_of_codes(*codes) == kind


@given(st.sampled_from(Kind), st.text(alphabet='[]【】（）()：:|转账引用 图片\n"撤回了一条消息>a', max_size=60))
def test_nothing_upsets_it(kind: Kind, text: str) -> None:
    assert read_typed(kind, text).quoted in text
    assert read_untyped(text).text in text


@pytest.mark.parametrize("piece", ["[引用 ", "\n\n[引用](", '"拍了拍', "撤回了", "[链接|", "](", "【图片"])
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begin = time.process_time()
    for kind in Kind:
        read_typed(kind, text)
    read_untyped(text)
    assert time.process_time() - begin < 5
