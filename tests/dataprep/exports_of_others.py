"""Writes the base dialogue as WeChat's other exporters would, in the envelopes of their readers' own tests."""

import json
from typing import Any

from dataprep.records import Kind
from tests.dataprep.base_dialogue import DIALOGUE, IDS, ME, SHE, Event
from tests.dataprep.exporting import CODES, NAMES, NUMBERS, SPOKEN_OUT, Content, Export, as_csv, as_json
from tests.dataprep.sources import test_android, test_chatlog, test_pywxdump, test_weflow, test_weflow_text

# PyWxDump and WeClone.
_PYWXDUMP = {
    **NAMES,
    Kind.STICKER: "动画表情",
    Kind.LINK: "(分享)卡片式链接",
    Kind.REPLY: "引用回复",
    Kind.CALL: "语音通话",
    Kind.RECALL: "系统通知",
}


def _pywxdump_text(event: Event) -> str:
    forms = {
        Kind.IMAGE: "图片",
        Kind.VIDEO: "视频",
        Kind.STICKER: "表情",
        Kind.VOICE: "语音时长：2.10秒" + (f"\n翻译结果：{event.text}" if event.text else "\n"),
        Kind.LINK: f'{event.text}\n周末\n\n<a href="https://example.com/a,b">点击查看详情</a>',
        Kind.REPLY: f"{event.text}\n\n[引用](2025-03-01 09:02:00){SHE}:{event.quoted}",
        Kind.TRANSFER: f"转账：￥20.00\n转账说明：球费\n转账时间：{event.clock}\n",
        Kind.CALL: f"语音/视频通话[{event.text}]",
    }
    return forms.get(event.kind, event.text)


def _pywxdump_row(number: int, event: Event) -> list[str]:
    talker = "我" if event.own else IDS[SHE]
    kind, text = _PYWXDUMP[event.kind], _pywxdump_text(event)
    return [str(number), f"70{number}", kind, str(int(event.own)), talker, IDS[SHE], text, "", event.clock]


# WeFlow, EchoTrace, and ChatLab, whose tags are WeFlow's.
_WEFLOW = {
    Kind.TEXT: "文本消息",
    Kind.IMAGE: "图片消息",
    Kind.VOICE: "语音消息",
    Kind.VIDEO: "视频消息",
    Kind.STICKER: "动画表情",
    Kind.LINK: "卡片式链接",
    Kind.FILE: "文件消息",
    Kind.REPLY: "引用消息",
    Kind.TRANSFER: "转账卡片",
    Kind.CALL: "通话消息",
    Kind.RECALL: "系统消息",
    Kind.PAT: "系统消息",
}


def _weflow_text(event: Event) -> str:
    forms = {
        Kind.IMAGE: "[图片]",
        Kind.VIDEO: "[视频]",
        Kind.STICKER: "[动画表情]",
        Kind.VOICE: f"[语音消息] {event.text}".strip(),
        Kind.LINK: f"[链接] {event.text}\nhttps://example.com/a,b",
        Kind.FILE: f"[文件] {event.text}",
        Kind.REPLY: f"{event.text}[引用 {SHE}：{event.quoted}]",
        Kind.TRANSFER: f"[转账] {event.text} ({SHE} 转账给 {ME})",
        Kind.CALL: f"[语音通话] {event.text}",
    }
    return forms.get(event.kind, event.text)


def _weflow_message(number: int, event: Event) -> dict[str, Any]:
    about = {"localId": number, "createTime": event.seconds, "formattedTime": event.clock}
    kind = {"type": _WEFLOW[event.kind], "localType": NUMBERS[event.kind], "content": _weflow_text(event)}
    is_send = None if event.kind in (Kind.RECALL, Kind.PAT) else int(event.own)
    who = {"senderUsername": IDS[event.who], "senderDisplayName": event.who}
    return {**about, **kind, "isSend": is_send, **who, "platformMessageId": f"70{number}"}


def _weflow_rows() -> list[list[str]]:
    """The sheet's: three rows of information, then the header."""
    rows = [["会话信息"], ["账号ID", IDS[SHE], "", "昵称", "man"], ["导出工具", "WeFlow"], test_weflow_text.FULL]
    for number, event in enumerate(DIALOGUE, 1):
        people = [ME, IDS[ME], ""] if event.own else ["man", IDS[SHE], SHE]
        kind, text = _WEFLOW[event.kind], _weflow_text(event)
        rows.append([str(number), event.clock, *people, "我" if event.own else SHE, kind, text])
    return rows


def _weflow_csv() -> str:
    header = [name for name in test_pywxdump.HEADER if name != "room_name"]
    types = {Kind.IMAGE: "image", Kind.VOICE: "voice", Kind.VIDEO: "video", Kind.STICKER: "sticker", Kind.FILE: "file"}
    rows = [
        [number, f"70{number}", types.get(event.kind, "text"), int(event.own), event.who, _weflow_text(event), "", time]
        for number, event in enumerate(DIALOGUE, 1)
        for time in [event.clock.replace(" ", "T") + "+08:00"]
    ]
    return "\ufeff" + as_csv(header, rows)


def _chatlab() -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    meta = {"name": SHE, "platform": "wechat", "type": "private", "ownerId": IDS[ME]}
    members = [{"platformId": IDS[name], "accountName": name} for name in (ME, SHE)]
    quoted = {event.text: str(number) for number, event in enumerate(DIALOGUE)}
    messages = []
    for number, event in enumerate(DIALOGUE):
        content = event.text if event.kind is Kind.REPLY else _weflow_text(event)
        kind = 80 if event.kind is Kind.RECALL else 22 if event.kind is Kind.PAT else event.kind.value
        about = {"sender": IDS[event.who], "accountName": event.who, "timestamp": event.seconds, "type": kind}
        answers = {"replyToMessageId": quoted[event.quoted]} if event.quoted else {}
        silent = event.kind is Kind.STICKER
        messages.append({**about, "content": None if silent else content, "platformMessageId": str(number), **answers})
    return meta, members, messages


def _chatlab_lines() -> str:
    meta, members, messages = _chatlab()
    lines: list[dict[str, Any]] = [{"_type": "header", "chatlab": {"version": "0.0.2"}, "meta": meta}]
    lines += [{"_type": "member", **member} for member in members]
    lines += [{"_type": "message", **message} for message in messages]
    return "# an export\n" + "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n"


# chatlog: what was said in a voice message is in none of its files.
def _chatlog_text(event: Event) -> str:
    host = test_chatlog.HOST
    forms = {
        Kind.IMAGE: f"![图片]({host}/image/9f1c)",
        Kind.VIDEO: f"![视频]({host}/video/)",
        Kind.STICKER: "![动画表情](http://example.com/s?m=abc)",
        Kind.VOICE: f"[语音]({host}/voice/701)",
        Kind.LINK: f"[链接|{event.text}](https://example.com/a,b)",
        Kind.FILE: f"[文件|{event.text}]({host}/file/01ab)",
        Kind.REPLY: f"> {SHE}({IDS[SHE]}) 03-01 09:02:00\n> {event.quoted}\n{event.text}",
        Kind.TRANSFER: "[转账|发送 ￥20.00](球费)",
        Kind.CALL: "[语音通话]",
    }
    return forms.get(event.kind, event.text)


def _chatlog_element(number: int, event: Event) -> dict[str, Any]:
    code, sub = (49, 62) if event.kind is Kind.PAT else CODES[event.kind]
    sender = "系统消息" if event.kind is Kind.RECALL else IDS[event.who]
    made = {"seq": event.seconds * 1000 + number, "time": event.clock.replace(" ", "T") + "+08:00"}
    made |= {"talker": IDS[SHE], "talkerName": SHE, "isChatRoom": False, "sender": sender, "senderName": ""}
    made |= {"isSelf": event.own and sender == IDS[ME], "type": code, "subType": sub}
    contents = {
        Kind.REPLY: {"refer": {"type": 1, "content": event.quoted}},
        Kind.LINK: {"title": event.text, "url": "https://example.com/a,b"},
        Kind.FILE: {"title": event.text},
    }
    said = event.text if event.kind in (*SPOKEN_OUT, Kind.REPLY) else ""
    more = {"contents": contents[event.kind]} if event.kind in contents else {}
    return {**made, "content": "[转账|发送 ￥20.00](球费)" if event.kind is Kind.TRANSFER else said, **more}


def _chatlog_rows() -> list[list[str]]:
    rows = []
    for event in DIALOGUE:
        program = event.kind is Kind.RECALL
        sender, name = "系统消息" if program else IDS[event.who], "" if program or event.own else SHE
        rows.append([event.clock, name, sender, SHE, IDS[SHE], _chatlog_text(event)])
    return rows


def _chatlog_block(event: Event) -> str:
    name = "系统消息" if event.kind is Kind.RECALL else "我" if event.own else f"{SHE}({IDS[SHE]})"
    return test_chatlog.block(name, event.clock[5:], _chatlog_text(event))


# Android: XML in the content, milliseconds, the newest first.
def _android_row(event: Event) -> list[str]:
    quoted = f"<refermsg><type>1</type><displayname>{SHE}</displayname><content>{event.quoted}</content></refermsg>"
    attached = {Kind.LINK: 5, Kind.FILE: 6, Kind.REPLY: 57, Kind.TRANSFER: 2000}
    codes = {Kind.REPLY: 822083633, Kind.PAT: 922746929, Kind.FILE: 1090519089, Kind.TRANSFER: 419430449}
    xml = {Kind.IMAGE: "<msg><img/></msg>", Kind.VOICE: '<msg><voicemsg length="12"/></msg>', Kind.STICKER: "9f1c0a77"}
    xml |= {Kind.VIDEO: '<msg><videomsg length="5"/></msg>'}
    text = xml.get(event.kind, event.text)
    if event.kind in attached:
        text = test_android.attached(attached[event.kind], event.text, quoted if event.quoted else "")
    code = codes.get(event.kind, CODES[event.kind][0])
    return test_android.cells(code, int(event.own), text, event.seconds * 1000)


def _pywxdump_pages() -> dict[str, Content]:
    rows = [_pywxdump_row(number, event) for number, event in enumerate(DIALOGUE, 1)]
    pages = {f"{IDS[SHE]}_{at}_{at + 20}.csv": test_pywxdump.table(*rows[at : at + 20]) for at in (0, 20)}
    return {**pages, "users.json": as_json({IDS[SHE]: {"wxid": IDS[SHE], "nickname": "man", "remark": SHE}})}


def _of_others() -> dict[str, Export]:
    dumped = [_pywxdump_row(number, event) for number, event in enumerate(DIALOGUE, 1)]
    objects = [dict(zip([*test_pywxdump.HEADER, "extra"], [*row, {}], strict=True)) for row in dumped]
    wide = test_pywxdump.table(*([*row, "False"] for row in dumped), header=[*test_pywxdump.HEADER, "is_forward"])
    flow = test_weflow.document(*(_weflow_message(*numbered) for numbered in enumerate(DIALOGUE)))
    echo = {key: value for key, value in json.loads(flow).items() if key != "weflow"}
    said = (test_weflow_text.block(0, "我" if one.own else SHE, _weflow_text(one)) for one in DIALOGUE)
    flow_text = "".join(f"{one.clock}{text[19:]}" for one, text in zip(DIALOGUE, said, strict=True))
    meta, members, messages = _chatlab()
    lab = {"chatlab": {"version": "0.0.2"}, "meta": meta, "members": members, "messages": messages}
    log = as_csv(["Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"], _chatlog_rows(), "\n")
    logged = as_json([_chatlog_element(*numbered) for numbered in enumerate(DIALOGUE)])
    table = test_android.table(*(_android_row(event) for event in reversed(DIALOGUE)))
    return {
        "pywxdump csv": Export("pywxdump-csv", _pywxdump_pages()),
        "pywxdump json": Export("pywxdump-json", {f"{IDS[SHE]}_0_5000.json": as_json(objects)}),
        "weclone csv": Export("weclone-csv", {"chat.csv": wide}),
        "weflow json": Export("weflow-json", {f"{SHE}.json": flow}),
        "echotrace json": Export("echotrace-json", {f"{SHE}.json": as_json(echo)}),
        "weflow csv": Export("weflow-csv", {f"{SHE}.csv": _weflow_csv()}),
        "weflow txt": Export("weflow-txt", {f"{SHE}.txt": flow_text}),
        "weflow xlsx": Export("weflow-xlsx", {f"{SHE}.xlsx": test_weflow_text.workbook(_weflow_rows())}),
        "chatlab json": Export("chatlab-json", {f"{SHE}.json": as_json(lab)}),
        "chatlab jsonl": Export("chatlab-jsonl", {f"{SHE}.jsonl": _chatlab_lines()}),
        "chatlog json": Export("chatlog-json", {"a.json": logged}),
        "chatlog csv": Export("chatlog-csv", {"a.csv": log}),
        "chatlog txt": Export("chatlog-txt", {f"{SHE}.txt": "".join(map(_chatlog_block, DIALOGUE))}),
        "android csv": Export("android-csv", {"message.csv": table}),
    }


EXPORTS = _of_others()
