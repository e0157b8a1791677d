"""One dialogue in every WeChat and ChatLab format: the same questions and answers, or a word on what lacks."""

from pathlib import Path
from typing import NamedTuple

import pytest

from dataprep.conversion.convert import Conversion, convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.options import Options
from dataprep.records import Kind
from dataprep.sources.registry import BY_NAME
from tests.dataprep import exports_of_others, exports_of_wechatmsg
from tests.dataprep.base_dialogue import CONTRADICTION, EXCHANGES, PHONE, Exchanges, exchanges_without
from tests.dataprep.exporting import write

EXPORTS = {**exports_of_wechatmsg.EXPORTS, **exports_of_others.EXPORTS}


class Lack(NamedTuple):
    """Messages of these kinds have no words in a format, which the report says in this word."""

    kinds: tuple[Kind, ...]
    said: str


_VOICE = Lack((Kind.VOICE,), "no words of voice messages")
_CELLS = Lack((Kind.REPLY, Kind.LINK, Kind.FILE), "no words of quoted replies, links and files")
LACKS = {
    "wechatmsg csv": _CELLS,
    "wechatmsg csv of all": _CELLS,
    "wechatmsg txt": Lack((Kind.VOICE, Kind.FILE), "no words of voice messages and no names of files"),
    **dict.fromkeys(("chatlog json", "chatlog csv", "chatlog txt", "android csv"), _VOICE),
}
# Without times; what they hold instead.
_DAYS = "no times but days: a session is a day"
_READY = "no times and no sessions"
_REDACTED = ("你新号码多少", "谢啦，换成[phone xxx]了")
_ANSWERED_TWICE = [[("明天几点集合？", "八点")], [("明天几点集合？", "改成八点半了"), EXCHANGES[5][1]]]
_COMMA = ("早啊，报名表你填好了吗", "差不多了，还差两个人，下午给你\n清单：\n1. 球拍\n带胶\n2. 水")
_READY_TALKS = [[EXCHANGES[0][0]], EXCHANGES[3], *_ANSWERED_TWICE[:1], _ANSWERED_TWICE[1][:1], _ANSWERED_TWICE[1][1:]]
_READY_COMMAS = [[_COMMA], *_READY_TALKS[1:]]
TIMELESS: dict[str, tuple[Exchanges, str]] = {
    "wechatmsg ai txt": (
        [
            [
                ("早啊 报名表你填好了吗", "差不多了 还差两个人，下午给你\n清单：\n1. 球拍\n带胶\n2. 水"),
                ('这个价目你见过没，"周末另计" [捂脸] 懂了😂', "我马上来 两分钟 收到，晚点看 好的，打印两份"),
                _REDACTED,
            ],
            _ANSWERED_TWICE[1],
        ],
        _DAYS,
    ),
    "memotrace ai txt": (
        [
            [*EXCHANGES[0], *EXCHANGES[1], *EXCHANGES[2], _REDACTED],
            [EXCHANGES[5][0], ("[视频]\n=SUM(A1:A2) 开头的格子会变公式", EXCHANGES[5][1][1])],
        ],
        _DAYS,
    ),
    "wechatmsg train json": (_READY_TALKS, _READY),
    "memotrace alpaca": (_READY_COMMAS, _READY),
    # Nothing tells whose these are: they are training data as anybody's.
    "memotrace messages": (_READY_COMMAS, ""),
}
TIMED = sorted(EXPORTS.keys() - TIMELESS.keys())
# Formats of other programs, sheets and documents; a new reader goes here or into `exports_of_...`.
OF_OTHERS = {
    *("qce-json", "qce-folder", "discord-json", "telegram-json", "chatgpt-json", "slack", "whatsapp-txt", "qq-txt"),
    *("clone-dk-txt", "sharegpt", "alpaca", "prompt-completion", "qa-csv", "qa-tsv", "qa-xlsx", "qa-text", "document"),
    "pywxdump-contacts",
    "wechatmsg-contacts",
}


def converted(name: str, folder: Path) -> Conversion:
    """The export as a user would have it converted."""
    export = EXPORTS[name]
    conversion = convert(labelled([write(export, folder)]), Options(me=export.me))
    assert {one.source.name for one in conversion.inputs} - {"pywxdump-contacts"} == {export.format}
    return conversion


def exchanges(conversion: Conversion) -> Exchanges:
    """Every question with its answer, by the sessions that have any."""
    sessions: dict[int, list[tuple[str, str]]] = {}
    for example in conversion.training:
        said = [message["content"] for message in example.messages if message["role"] != "system"]
        pairs = [(said[at], said[at + 1]) for at in range(0, len(said), 2)]
        sessions.setdefault(example.session, []).extend(pairs)
    return list(sessions.values())


def test_every_format_of_wechat_and_chatlab_is_written() -> None:
    assert {export.format for export in EXPORTS.values()} == BY_NAME.keys() - OF_OTHERS | {"messages"}


@pytest.mark.parametrize("name", TIMED)
def test_each_tells_the_same_questions_and_answers_in_six_sessions(tmp_path: Path, name: str) -> None:
    conversion = converted(name, tmp_path)
    lost = LACKS[name].kinds if name in LACKS else ()
    assert conversion.sessions == 6
    assert exchanges(conversion) == [session for session in exchanges_without(*lost) if session]


@pytest.mark.parametrize("name", TIMED)
def test_each_has_the_contradiction_flagged(tmp_path: Path, name: str) -> None:
    found = converted(name, tmp_path).contradictions
    assert [(one.question, one.answers) for one in found] == [CONTRADICTION]


@pytest.mark.parametrize("name", TIMED)
def test_the_quoted_reply_is_kept_or_reported(tmp_path: Path, name: str) -> None:
    conversion = converted(name, tmp_path)
    kept = EXCHANGES[0][1] in [pair for session in exchanges(conversion) for pair in session]
    reported = conversion.ledger.total().left["quote_without_text"]
    assert (kept, reported) == ((False, 1) if name in LACKS and Kind.REPLY in LACKS[name].kinds else (True, 0))


@pytest.mark.parametrize("name", TIMED)
def test_recall_pat_transfer_and_call_are_dropped_by_name(tmp_path: Path, name: str) -> None:
    left = converted(name, tmp_path).ledger.total().left
    # How the first versions wrote transfers and calls into texts is not known.
    kinds = ("recall", "pat") if name == "wechatmsg txt" else ("recall", "pat", "transfer", "call")
    assert [left[f"{kind}_dropped"] for kind in kinds] == [1] * len(kinds)


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_no_example_holds_the_number_or_what_only_the_program_said(tmp_path: Path, name: str) -> None:
    conversion = converted(name, tmp_path)
    told = "\n".join(text for session in exchanges(conversion) for pair in session for text in pair)
    assert "谢啦，换成[" in told
    assert not [word for word in (PHONE, "撤回", "拍了拍", "转账", "球费", "通话", "\u200b", "\u2028") if word in told]


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_every_row_is_used_or_left_behind_for_a_reason(tmp_path: Path, name: str) -> None:
    conversion = converted(name, tmp_path)
    for account in conversion.ledger.accounts().values():
        assert account.rows == account.used + account.left.total()
    assert "unaccounted" not in conversion.ledger.total().left


@pytest.mark.parametrize("name", TIMELESS)
def test_what_has_no_times_tells_what_it_can(tmp_path: Path, name: str) -> None:
    conversion = converted(name, tmp_path)
    expected, said = TIMELESS[name]
    assert exchanges(conversion) == expected
    # Sessions are days where there are days; a talk that is training data already is in none.
    assert conversion.sessions == (2 if said == _DAYS else 0)
    # In a session of a day something was said before: what led up to the answers differs.
    assert len(conversion.contradictions) == (0 if said == _DAYS else 1)


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_the_report_says_what_the_format_lacks(tmp_path: Path, name: str) -> None:
    report = summarise(converted(name, tmp_path))
    said = LACKS[name].said if name in LACKS else TIMELESS.get(name, ("", ""))[1]
    lacking = [one["lacks"] for one in report["inputs"]]
    assert all(said in lacks for lacks in lacking)
    assert all(lacks in tell(report) for lacks in lacking)
    assert any(lacking) == (bool(said) or EXPORTS[name].format == "memotrace-txt")
