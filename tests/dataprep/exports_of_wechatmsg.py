"""Writes the base dialogue as WeChatMsg and MemoTrace would, in the envelopes of their readers' own tests."""

from collections.abc import Callable
from typing import Any

from dataprep.records import Kind
from tests.dataprep.base_dialogue import DIALOGUE, IDS, ME, PHONE, SHE, Event, spoken
from tests.dataprep.exporting import CODES, NAMES, NUMBERS, SPOKEN_OUT, Export, as_json
from tests.dataprep.sources import test_memotrace, test_wechatmsg, test_wechatmsg_html
from tests.dataprep.sources.test_memotrace_ai_text import STARS


def _legacy_cell(event: Event) -> str:
    if event.kind in SPOKEN_OUT:
        return event.text
    if event.kind is Kind.VOICE:
        said = f'<voicetrans istransend="1" transtext="{event.text}"/>' if event.text else ""
        return f'<msg><voicemsg voicelength="2100"/>{said}</msg>'
    tags = {Kind.IMAGE: "img", Kind.VIDEO: "videomsg", Kind.STICKER: "emoji"}
    return f'<?xml version="1.0"?>\n<msg>\n\t<{tags[event.kind]} length="5"/>\n</msg>\n' if event.kind in tags else ""


def _legacy_row(number: int, event: Event, *, of_all: bool = False) -> list[str]:
    codes = CODES[event.kind]
    first = [100 + number, 7, *codes, int(event.own), event.seconds, 3, _legacy_cell(event), event.clock]
    last = [SHE, "man", "我" if event.own else SHE] if of_all else [event.who, event.who, IDS[event.who]]
    return [str(cell) for cell in (*first, *last)]


def _legacy_text(event: Event) -> str:
    words = {Kind.IMAGE: "[图片]", Kind.VOICE: "[语音]", Kind.VIDEO: "[视频]", Kind.STICKER: "[表情包]"}
    if event.kind in (Kind.RECALL, Kind.PAT):
        return f"{event.clock} {event.text}\n\n"
    text = words.get(event.kind, "[文件]" if event.kind is Kind.FILE else event.text)
    if event.quoted:
        text += f"\n引用:{SHE}:{event.quoted}"
    if event.kind is Kind.LINK:
        text = f"            [链接]:title:{event.text}\n            url:https://example.com/a\n"
    return f"{event.clock} {event.who}\n{text}\n\n"


def _masked_by_exporter(text: str) -> str:
    return text.replace(PHONE, "[phone xxx]")


def _legacy_ai_text() -> str:
    """Texts alone, a space after each, a new line for each speaker."""
    parts, day, name = list[str](), "", ""
    for event in (one for one in DIALOGUE if one.kind is Kind.TEXT):
        if event.clock[:10] != day:
            day, name = event.clock[:10], ""
            parts.append(f"\n\n{STARS}{day}{STARS}\n")
        parts.append(f"\n{event.who}:" if event.who != name else "")
        parts.append(_masked_by_exporter(event.text) + " ")
        name = event.who
    return "".join(parts)


def _js(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"').replace("\n", "\\n")
    return f"'{escaped}'"


def _page_object(event: Event) -> str:
    text, kind = _js(event.text), event.kind
    members = {
        Kind.IMAGE: (3, "text: './image/a.png'"),
        Kind.STICKER: (3, "text: 'http://example.com/s?a=1&b=2'"),
        Kind.VIDEO: (43, "text: './video/a.mp4'"),
        Kind.VOICE: (34, f"text:'./voice/1.mp3',voice_to_text:{text}"),
        Kind.REPLY: (49, f"text: {text},sub_type:57,refer_text: {_js(f'{SHE}：{event.quoted}')}"),
        Kind.LINK: (49, f"sub_type:5, text:'',url:'https://example.com/a,b',title:{text},description:'周末'"),
        Kind.FILE: (49, f"text: './file/x',sub_type:6,file_name: {text},file_size: '9',app_name: ''"),
        Kind.TRANSFER: (49, "sub_type:2000,text:'球费',paysubtype:1,pay_memo:'球费',feedesc:'￥20.00',"),
        Kind.CALL: (50, f"text:{text},call_type:1,"),
        Kind.RECALL: (0, f"text: {text}"),
        Kind.PAT: (0, f"text: {text}"),
    }
    code, rest = members.get(kind, (1, f"text: {text}"))
    after = event.seconds - test_wechatmsg_html.START
    return test_wechatmsg_html.old_object(after, code, int(event.own) if kind is not Kind.CALL else None, rest)


# MemoTrace 3: names in a column, and texts that stand for what is none.
def _memotrace_text(event: Event) -> str:
    stamp = f"{event.clock:.10}_{event.clock[11:]}_700000_0".replace("-", "").replace(":", "")
    forms = {
        Kind.IMAGE: f"【图片】（{stamp}）",
        Kind.VOICE: f"【语音】{event.text} {stamp}",
        Kind.VIDEO: "【视频】",
        Kind.STICKER: "【表情包】 击掌",
        Kind.LINK: f"【分享链接】\n标题：{event.text}\n描述：周末\n链接: https://example.com/a,b\n应用：体育\n",
        Kind.FILE: f"【文件】{event.text} 0.02 MB FileStorage\\File\\{event.text} xlsx 00aa",
        Kind.REPLY: f"{event.text}\n引用：{SHE}: {event.quoted}",
        Kind.TRANSFER: "【发起转账】:￥20.00\n备注: 球费\n",
        Kind.CALL: f"【音视频通话】\n{event.text}",
    }
    return forms.get(event.kind, event.text)


def _memotrace_row(number: int, event: Event) -> list[str]:
    people = (event.who, event.who)
    first = [str(7201002003004005000 + number), NAMES[event.kind], event.who, event.clock]
    return [*first, _memotrace_text(event), *people, "more"]


def _memotrace_block(event: Event) -> str:
    name = "" if event.kind is Kind.RECALL else f" {event.who}"
    return f"{event.clock}{name}\n{_memotrace_text(event)}"


def _memotrace_ai_text() -> str:
    """All messages, one after the other; a blank line and the name where another speaks."""
    parts, day, name = list[str](), "", ""
    for event in DIALOGUE:
        if event.clock[:10] != day:
            day, name = event.clock[:10], ""
            parts.append(f"\n\n{STARS}{day}{STARS}\n")
        parts.append(f"\n\n{event.who}:" if event.who != name else "\n")
        parts.append(_masked_by_exporter(_memotrace_text(event)))
        name = event.who
    return "".join(parts)


def _new_page_object(event: Event) -> dict[str, Any]:
    members: dict[Kind, dict[str, Any]] = {
        Kind.IMAGE: {"path": "./image/a"},
        Kind.STICKER: {"path": "http://example.com/sticker", "desc": "笑"},
        Kind.VIDEO: {"path": "./video/a"},
        Kind.VOICE: {"voice_to_text": event.text, "duration": 2},
        Kind.REPLY: {"text": event.text, "quote_text": f"{SHE}: {event.quoted}", "quote_server_id": "703"},
        Kind.LINK: {"title": event.text, "url": "https://example.com/a,b"},
        Kind.FILE: {"file_name": event.text, "file_size": 9},
        Kind.TRANSFER: {"text": "发起转账", "pay_memo": "球费", "fee_desc": "￥20.00"},
        Kind.CALL: {"display_content": event.text},
    }
    after = event.seconds - test_wechatmsg_html.START
    rest = members.get(event.kind, {"text": event.text})
    code = 10000 if event.kind is Kind.PAT else NUMBERS[event.kind]
    return test_wechatmsg_html.new_object(after, code, event.own, rest)


def _training(wrap: Callable[[list[tuple[str, str]]], dict[str, Any]], gap: int, joint: str) -> str:
    return as_json([wrap(talk) for talk in spoken(DIALOGUE, gap, joint)])


def _turns(talk: list[tuple[str, str]]) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    system = {"role": "system", "content": f"你是{ME}，后面的对话来自你的朋友"}
    return [system, *({"role": role, "content": text} for pair in talk for role, text in zip(roles, pair, strict=True))]


def _alpaca(talk: list[tuple[str, str]]) -> dict[str, Any]:
    asked, answer = talk[-1]
    return {"system": "", "instruction": asked, "input": "", "output": answer, "history": [*map(list, talk[:-1])]}


def _of_wechatmsg() -> dict[str, Export]:
    rows = [_legacy_row(*numbered) for numbered in enumerate(DIALOGUE)]
    of_all = [_legacy_row(number, event, of_all=True) for number, event in enumerate(DIALOGUE)]
    page = test_wechatmsg_html.page("[\n" + "\n".join(map(_page_object, DIALOGUE)) + "\n]")
    # What this version writes for transfers and calls is not known here: they are left away.
    known = [one for one in DIALOGUE if one.kind not in (Kind.TRANSFER, Kind.CALL)]
    training = _training(lambda talk: {"conversations": _turns(talk)}, 60, "\n")
    return {
        "wechatmsg csv": Export("wechatmsg-csv", {f"{SHE}_utf8.csv": test_wechatmsg.table(*rows)}),
        "wechatmsg csv of all": Export("wechatmsg-csv", {"messages.csv": test_wechatmsg.table(*of_all)}),
        "wechatmsg html": Export("wechatmsg-html", {f"{SHE}.html": page}),
        "wechatmsg txt": Export("memotrace-txt", {f"{SHE}.txt": "".join(map(_legacy_text, known))}, (ME,)),
        "wechatmsg ai txt": Export("memotrace-ai-txt", {f"{SHE}_chat.txt": _legacy_ai_text()}, (ME,)),
        "wechatmsg train json": Export("wechatmsg-train", {f"{SHE}_train.json": training}),
    }


def _of_memotrace() -> dict[str, Export]:
    rows = [_memotrace_row(*numbered) for numbered in enumerate(DIALOGUE)]
    book = test_memotrace.workbook([test_memotrace.HEADER, *rows])
    page = test_wechatmsg_html.page(as_json([_new_page_object(event) for event in DIALOGUE]))
    text = "\n\n".join(map(_memotrace_block, DIALOGUE))
    talks = _training(lambda talk: {"messages": _turns(talk)}, 120, "，")
    return {
        "memotrace csv": Export("memotrace-csv", {f"{SHE}.csv": test_memotrace.table(*rows)}, (ME,)),
        "memotrace xlsx": Export("memotrace-xlsx", {f"{SHE}.xlsx": book}, (ME,)),
        "memotrace html": Export("wechatmsg-html", {f"{SHE}.html": page}),
        "memotrace txt": Export("memotrace-txt", {f"{SHE}.txt": text}, (ME,)),
        "memotrace ai txt": Export("memotrace-ai-txt", {f"{SHE}_chat.txt": _memotrace_ai_text()}, (ME,)),
        "memotrace alpaca": Export("memotrace-alpaca", {f"{SHE}.json": _training(_alpaca, 120, "，")}),
        "memotrace messages": Export("messages", {f"{SHE}.json": talks}),
    }


EXPORTS = {**_of_wechatmsg(), **_of_memotrace()}
