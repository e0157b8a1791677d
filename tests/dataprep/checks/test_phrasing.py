"""Warnings about texts: each with a text that deserves it and one that nearly does."""

import json
import time

import pytest

from dataprep import Finding
from tests.dataprep.lines import assistant, chat, check_text, user

ANSWER = "/messages/1/content"
LONG = "The lamp on the rock burns from dusk until dawn."

# Words of the answer; the code they get; words of the warning; the answer that is nearly the same but fine.
WARNED: dict[str, tuple[str, str, str, str]] = {
    "UTF-8 as Windows-1252": ("donâ€™t", "garbled_text", "wrong encoding", "Âge, âme, Ação, Ärger, l’été"),
    "GBK as Latin-1": ("ÄãºÃÊÀ½ç½ñÌìÌìÆø", "garbled_text", "wrong encoding", "Où est l’hôtel? àéèêëîïôûüÿ"),
    "UTF-8 as Windows-1251": ("РџСЂРёРІРµС‚", "garbled_text", "wrong encoding", "Россия, РОССИЯ, Спасибо, СССР РСФСР"),
    "UTF-8 as GBK": ("浣犲ソ", "garbled_text", "wrong encoding", "浣熊在水边洗手，濡湿了爪子，闂着门"),
    "lost character": ("caf\ufffd", "replacement_character", "were lost", "café"),
    "zero width space": ("a\u200bb", "invisible_character", "invisible", "👩\u200d🚀 می\u200cخواهم"),
    "control character": ("a\x07b", "control_character", "control character", "a\tb\r\nc"),
    "markup": ("<msg><emoji/></msg>", "markup_left_over", "'<msg>'", "Use <b>bold</b>, not <message>."),
    "link of the program": ("weixin://dl/chat", "markup_left_over", "weixin", "https://weixin.qq.com"),
    "special token": ("Bye<|im_end|>", "special_token", "'<|im_end|>'", "a <| b, x |> f, <b|c"),
    "instruction token": ("[INST] x", "special_token", "'[INST]'", "[INSTALL] x"),
    "placeholder that may be meant": ("<video>", "placeholder_answer", "only '<video>'", "<video> and <audio> do."),
    "made-up key": ("say sk-your0key0goes0here0", "secret", "made up", "say sk-your-key"),
    "key of a manual": ("AKIAIOSFODNN7EXAMPLE", "secret", "made up", "AKIA and so on"),
    "frame without a key": ("-----BEGIN PRIVATE KEY-----", "secret", "made up", "---BEGIN PRIVATE KEY---"),
    "phone": ("打13812345678", "personal_data", "PHONE", "订单20261123000012345已发货"),
    "mail": ("ask ann@example.com", "personal_data", "EMAIL", "ask @ann"),
    "id of a WeChat user": ("加我wxid_lx26b", "personal_data", "(WXID). Mask it", "a wxid_ is one's id"),
    "id of a WeChat group": ("在12345@chatroom里", "personal_data", "(WXID). Mask it", "a @chatroom, 12 @chatroom"),
    "speaker": ("Assistant: hello", "speaker_in_answer", "'Assistant:'", "Assistants: two of them"),
}

# The same for what stands in the way of training.
REFUSED: dict[str, tuple[str, str, str, str]] = {
    "placeholder": ("[图片]", "placeholder_answer", "only '[图片]'", "[图片] 看这只猫"),
    "placeholders": (" [图片]\n[表情] ", "placeholder_answer", "[图片]", "[图片]好看[表情]"),
    "placeholder in other brackets": ("【语音】", "placeholder_answer", "【语音】", "【通知】"),
    "placeholder with a file": ("【图片】（20261118_0）", "placeholder_answer", "【图片】", "【语音】行，我到楼下了"),
    "placeholder with a link": ("![图片](http://127.0.0.1/a)", "placeholder_answer", "图片", "[链接] 微调入门"),
    "placeholder in Traditional": ("[圖片]", "placeholder_answer", "[圖片]", "[捂脸]"),
    "placeholder of WhatsApp": ("<Media omitted>", "placeholder_answer", "Media omitted", "The media omitted it."),
    "of WhatsApp in Taiwan": ("圖片已略去", "placeholder_answer", "圖片已略去", "圖片已略去一半"),
    "of WhatsApp in China": ("\u200e<省略影音内容>", "placeholder_answer", "省略影音内容", "省略影音内容的是谁"),
    "in pointed quotes": ("‹省略影音内容›", "placeholder_answer", "省略影音内容", "‹影音内容›"),
    "of WhatsApp in Germany": ("Bild weggelassen", "placeholder_answer", "weggelassen", "Das Bild weggelassen!"),
    "key": ("use sk-test-Q7W8E9R0T1Y2U3I4O5P6", "secret", "revoke", "use sk-test"),
    "key after an example": (
        "not AKIAIOSFODNN7EXAMPLE but AKIAQ7W8E9R0T1Y2U3I4",
        "secret",
        "revoke",
        "not AKIA but AKIB",
    ),
    "invisible": ("\u200b\u200d", "empty_content", "invisible", "一"),
    "blank and invisible": ("\n\u3164", "empty_content", "teaches silence", "\n一"),
}


def findings(answer: str, question: str = "Hi") -> list[Finding]:
    """What is found in a talk of one question and one answer."""
    return check_text(chat(user(question), assistant(answer))).findings


@pytest.mark.parametrize(("answer", "code", "words", "_near"), WARNED.values(), ids=WARNED.keys())
def test_an_odd_answer_gets_one_warning_with_its_place(answer: str, code: str, words: str, _near: str) -> None:
    (finding,) = findings(answer)
    assert (finding.code, finding.severity, finding.pointer, finding.line) == (code, "warning", ANSWER, 1)
    assert words in finding.message


@pytest.mark.parametrize(("_answer", "_code", "_words", "near"), WARNED.values(), ids=WARNED.keys())
def test_what_only_looks_like_it_gets_none(_answer: str, _code: str, _words: str, near: str) -> None:
    assert findings(near) == []


@pytest.mark.parametrize(("answer", "code", "words", "near"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_never_worth_training_is_refused(answer: str, code: str, words: str, near: str) -> None:
    (finding,) = [one for one in findings(answer) if one.code != "invisible_character"]
    assert (finding.code, finding.severity, finding.pointer, finding.line) == (code, "error", ANSWER, 1)
    assert words in finding.message
    assert findings(near) == []


def test_an_invisible_question_is_odd_and_an_invisible_answer_of_no_weight_is_nobodys_matter() -> None:
    (finding,) = findings("Ahoy!", "\u200b")
    assert (finding.code, finding.severity, finding.pointer) == ("empty_content", "warning", "/messages/0/content")
    assert check_text(chat(user(), assistant("\u200b", weight=0), user("And?"), assistant())).findings == []


def test_a_secret_is_not_repeated_whole() -> None:
    assert "Q7W8E9" not in findings("use sk-test-Q7W8E9R0T1Y2U3I4O5P6")[0].message


def test_ids_of_wechat_are_told_once_each_message_with_a_mask_as_their_mend() -> None:
    report = check_text(chat(user("问wxid_aaaaaa1或wxid_bbbbbb2"), assistant("去38401234@chatroom")))
    assert [(one.pointer, one.code, one.fix) for one in report.findings] == [
        ("/messages/0/content", "personal_data", "mask"),
        ("/messages/1/content", "personal_data", "mask"),
    ]


def test_an_answer_that_stands_in_the_question_is_told() -> None:
    assert [one.code for one in findings(LONG, f"Say: {LONG}")] == ["leaked_answer"]
    assert findings(LONG, f"Which sentence is about light? {LONG} {'The sea is grey. ' * 4}") == []


def test_a_question_that_says_what_to_answer_is_told() -> None:
    (finding,) = findings("好的", "几点到？你应该说：九点")
    assert (finding.code, finding.pointer) == ("leaked_answer", "/messages/0/content")
    assert findings("好的", "我应该说：谢谢，对吗") == []


def test_what_is_not_learned_may_be_a_placeholder() -> None:
    line = chat(user(), assistant("[图片]", weight=0), user("And?"), assistant())
    assert check_text(line).findings == []


def test_questions_are_read_too_and_parts_of_content_named() -> None:
    line = chat(user([{"type": "text", "text": "a\u200bb"}]), assistant())
    (finding,) = check_text(line).findings
    assert (finding.code, finding.pointer) == ("invisible_character", "/messages/0/content/0/text")
    assert finding.fix == "drop_invisible"


@pytest.mark.parametrize(
    "piece", ["\u200b", "[图片] ", "12345 ", "a@a.", "ab_", "-----BEGIN ", "[图片", "<|", "浣犲ソ", " image omitted"]
)
def test_a_megabyte_of_what_is_nearly_odd_is_read_before_long(piece: str) -> None:
    began = time.process_time()
    findings(piece * (1_000_000 // len(piece.encode())) + "x")
    findings("[" + " " * 500_000 + "x")
    assert time.process_time() - began < 2


def test_secrets_beside_the_talk_are_found_where_they_stand() -> None:
    key = "sk-test-Q7W8E9R0T1Y2U3I4O5P6"
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"key": key})}}
    tool = {"type": "function", "function": {"name": "f"}}
    called = [user(), assistant(None, tool_calls=[call]), {"role": "tool", "tool_call_id": "c", "content": "ok"}]
    pair = {"input": {"messages": [user()]}, "preferred_output": [assistant("A")]}
    places = {
        "/messages/1/tool_calls/0/function/arguments": {"messages": [*called, assistant()], "tools": [tool]},
        "/non_preferred_output/0/content": {**pair, "non_preferred_output": [assistant(f"use {key}")]},
        "/reference_answer": {"messages": [user()], "reference_answer": f"use {key}"},
    }
    for place, example in places.items():
        found = check_text(json.dumps(example)).findings
        assert [one.pointer for one in found if one.code == "secret"] == [place]
