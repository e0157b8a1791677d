"""One invented dialogue of six sessions over two days, and what every export of it must come to; it knows no format."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from dataprep.records import Kind
from tests.dataprep.sources.wechat_story import OTHER, SELF

ME, SHE = "林", "小满"
IDS = {ME: SELF, SHE: OTHER}
PHONE = "13800009527"


class Event(NamedTuple):
    """One message: when in local time, who, what it is, its words, and what it quotes."""

    clock: str
    who: str
    kind: Kind
    text: str
    quoted: str = ""

    @property
    def seconds(self) -> int:
        """When it was sent, in seconds since 1970 by a clock in China."""
        return int(datetime.fromisoformat(self.clock + "+08:00").timestamp())

    @property
    def own(self) -> bool:
        """Whether the exporter sent it."""
        return self.who == ME


_PRICE = '这个价目你见过没，"周末另计"'
DIALOGUE = [
    Event("2025-03-01 09:00:00", SHE, Kind.TEXT, "早啊"),
    Event("2025-03-01 09:00:04", SHE, Kind.TEXT, "报名表你填好了吗"),
    Event("2025-03-01 09:00:50", ME, Kind.TEXT, "差不多了"),
    Event("2025-03-01 09:01:10", ME, Kind.TEXT, "还差两个人，下午给你\n清单：\n1. 球拍\u2028带胶\n2. 水"),
    Event("2025-03-01 09:01:40", SHE, Kind.IMAGE, ""),
    Event("2025-03-01 09:02:00", SHE, Kind.TEXT, _PRICE),
    Event("2025-03-01 09:02:40", ME, Kind.REPLY, "见过，周末贵十块", _PRICE),
    Event("2025-03-01 09:02:50", SHE, Kind.STICKER, ""),
    Event("2025-03-01 09:03:00", SHE, Kind.TEXT, "[捂脸] 懂了😂"),
    Event("2025-03-01 12:30:00", ME, Kind.VOICE, ""),
    Event("2025-03-01 12:30:40", SHE, Kind.VOICE, "到楼下了"),
    Event("2025-03-01 12:31:00", ME, Kind.TEXT, "我马上来"),
    Event("2025-03-01 12:31:09", ME, Kind.RECALL, "你撤回了一条消息"),
    Event("2025-03-01 12:31:30", ME, Kind.TEXT, "两分钟"),
    Event("2025-03-01 18:20:00", SHE, Kind.LINK, "羽毛球入门"),
    Event("2025-03-01 18:20:50", ME, Kind.TEXT, "收到，晚点看"),
    Event("2025-03-01 18:24:00", SHE, Kind.FILE, "名单 v3(终).xlsx"),
    Event("2025-03-01 18:24:50", ME, Kind.TEXT, "好的，打印两份"),
    Event("2025-03-01 20:00:00", SHE, Kind.TRANSFER, "￥20.00 球费"),
    Event("2025-03-01 20:00:20", SHE, Kind.TEXT, "你新号码多少"),
    Event("2025-03-01 20:00:40", ME, Kind.TEXT, f"谢啦，换成{PHONE}了"),
    Event("2025-03-01 20:01:00", SHE, Kind.TEXT, "存好了"),
    Event("2025-03-01 23:59:40", SHE, Kind.TEXT, "明天几点集合？"),
    Event("2025-03-02 00:00:20", ME, Kind.TEXT, "八点"),
    Event("2025-03-02 00:00:30", SHE, Kind.PAT, f'"{SHE}" 拍了拍我'),
    Event("2025-03-02 08:10:00", SHE, Kind.TEXT, "明天几点集合？"),
    Event("2025-03-02 08:10:50", ME, Kind.TEXT, "改成八点半了"),
    Event("2025-03-02 08:12:30", SHE, Kind.VIDEO, ""),
    Event("2025-03-02 08:15:00", SHE, Kind.CALL, "通话时长 00:42"),
    Event("2025-03-02 08:16:00", SHE, Kind.TEXT, "=SUM(A1:A2) 开头的格子会变公式"),
    Event("2025-03-02 08:16:40", ME, Kind.TEXT, "嗯，前面加个 ' 就行"),
    Event("2025-03-02 08:17:00", SHE, Kind.TEXT, "好\u200b的 谢谢"),
]

Exchanges = list[list[tuple[str, str]]]
# By sessions: a question and its answer.
EXCHANGES: Exchanges = [
    [
        ("早啊\n报名表你填好了吗", "差不多了\n还差两个人，下午给你\n清单：\n1. 球拍\n带胶\n2. 水"),
        (f"[图片]\n{_PRICE}", "见过，周末贵十块"),
    ],
    [("到楼下了", "我马上来\n两分钟")],
    [("羽毛球入门", "收到，晚点看"), ("名单 v3(终).xlsx", "好的，打印两份")],
    [("你新号码多少", "谢啦，换成[PHONE_1]了")],
    [("明天几点集合？", "八点")],
    [("明天几点集合？", "改成八点半了"), ("=SUM(A1:A2) 开头的格子会变公式", "嗯，前面加个 ' 就行")],
]
CONTRADICTION = ("明天几点集合？", ("八点", "改成八点半了"))
# What answers a message whose words a file does not carry.
_ANSWERS = {Kind.REPLY: "见过，周末贵十块", Kind.VOICE: "我马上来", Kind.LINK: "收到", Kind.FILE: "好的"}


def exchanges_without(*lost: Kind) -> Exchanges:
    """What is left of the exchanges by a file that has no words for these kinds; sessions stay, if without any."""
    gone = tuple(_ANSWERS[kind] for kind in lost)
    return [[one for one in session if not one[1].startswith(gone or ("\0",))] for session in EXCHANGES]


def spoken(events: list[Event], gap: int, joint: str) -> Iterator[list[tuple[str, str]]]:
    """What the exporters' training files make of the texts: turns joined, parted by silences of more than a gap."""
    turns = list[tuple[str, list[str]]]()
    before = events[0].seconds
    for event in (one for one in events if one.kind is Kind.TEXT):
        if event.seconds - before > gap:
            yield from _pairs(turns, joint)
            turns = []
        if not turns or turns[-1][0] != event.who:
            turns.append((event.who, []))
        turns[-1][1].append(event.text)
        before = event.seconds
    yield from _pairs(turns, joint)


def _pairs(turns: list[tuple[str, list[str]]], joint: str) -> Iterator[list[tuple[str, str]]]:
    said = [(who, joint.join(texts)) for who, texts in turns]
    said = said[1:] if said and said[0][0] == ME else said
    if len(said) > 1:
        yield [(said[at][1], said[at + 1][1]) for at in range(0, len(said) - 1, 2)]
