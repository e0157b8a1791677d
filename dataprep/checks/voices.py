"""Who speaks in a whole file: one contact or one side too much, names where they do not belong; memory is bounded."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from dataprep.checks.phrasing import Turn
from dataprep.checks.report import Problem, Problems
from dataprep.checks.wording import show

# Shares say nothing about fewer examples than this.
MIN_FOR_SHARES = 20
MAX_CONTACT_SHARE = 0.5
MIN_ANSWERED_SHARE = 0.05
_MIN_HEADS = 3
_MAX_NAMES = 10_000
_MAX_LOOKED_FOR = 100
_MAX_HEAD = 24
_MAX_SYSTEMS = 200
_SYSTEM_START = 2_000
_HEAD = re.compile(r"\s*([^\s:：,，.。!！?？\d/][^\s:：,，.。!！?？/]{0,19})\s?[:：](?!//)")
# What introduces the one whom a system message makes the model be.
_BE = r"(?:你是|你叫|你就是|扮演|名叫|you are|your name is|you play|named|called)\s*[\"“「『']?"
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石"
    "贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向汤張劉陳楊黃趙吳孫馬羅鄭謝許鄧韓馮蕭盧鍾譚陸"
)
# A surname, one or two characters, and the end of the phrase; what ends like a trade is none's name.
_CHINESE_NAME = re.compile(
    rf"(?:你是|你叫|你就是|扮演|名叫)([{_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?=[，,。.；;、！!\s的]|\Z)"
)
_TRADES = "员師师手家人者客长長工友医生匠兵王后神官"


class Voices:
    """Gathers who speaks in the examples, one after the other."""

    def __init__(self) -> None:
        self._examples = 0
        self._named = 0
        self._contacts: Counter[str] = Counter()
        self._heads: Counter[str] = Counter()
        self._lines: dict[str, int] = {}
        self._asked = self._answered = self._answers = 0
        self._systems: dict[str, int] = {}
        self._own: set[str] = set()

    def hear(self, turns: Sequence[Turn], line: int) -> None:
        """Note one example."""
        self._examples += 1
        contact = ""
        for turn in turns:
            if turn.role == "assistant":
                self._note_answer(turn, line)
            elif turn.role == "user":
                self._asked += len(turn.text)
                contact = contact or turn.name
            elif turn.role in ("system", "developer") and len(self._systems) < _MAX_SYSTEMS:
                self._systems.setdefault(turn.text[:_SYSTEM_START], line)
        if contact and (contact in self._contacts or len(self._contacts) < _MAX_NAMES):
            self._contacts[contact] += 1
        self._named += bool(contact)

    def finish(self) -> Problems:
        """What the file as a whole has too much of, and the names in it."""
        if self._examples >= MIN_FOR_SHARES:
            yield from self._check_contacts()
            yield from self._check_sides()
        yield from self._check_heads()
        yield from self._check_systems()

    def _note_answer(self, turn: Turn, line: int) -> None:
        self._answered += len(turn.text)
        if turn.name and len(self._own) < _MAX_NAMES:
            self._own.add(turn.name)
        if not turn.learned:
            return
        self._answers += 1
        start = turn.text[:_MAX_HEAD]
        if (":" in start or "：" in start) and (match := _HEAD.match(start)) and len(self._lines) < _MAX_NAMES:
            self._heads[match[1]] += 1
            self._lines.setdefault(match[1], line)

    def _check_contacts(self) -> Problems:
        if len(self._contacts) < 2:
            return
        name, count = self._contacts.most_common(1)[0]
        if count > MAX_CONTACT_SHARE * self._examples:
            detail = (
                f"{count} of {self._examples} examples are talks with {show(name)}; the model will speak to everybody"
                " as to this one. Take fewer of them, or say in the system message whom it talks to."
            )
            yield Problem("", "dominant_contact", detail, "warning")

    def _check_sides(self) -> Problems:
        total = self._asked + self._answered
        if self._answered < MIN_ANSWERED_SHARE * total:
            detail = (
                f"the answers are {self._answered} of {total} characters; all are paid for, and the answers alone are"
                " learned. Shorten what stands before them."
            )
            yield Problem("", "unbalanced_sides", detail, "warning")

    def _check_heads(self) -> Problems:
        """A word before a colon may be a label; it is a name if the assistant is called so elsewhere.

        Before every answer of many it is worth a word in any case, unless the instructions have it.
        """
        for head, count in self._heads.most_common():
            if count < _MIN_HEADS:
                return
            if head in self._own or self._is_played(head):
                detail = (
                    f"{count} of {self._answers} answers begin with the speaker's own name, '{head}:' (first in line"
                    f" {self._lines[head]}). Leave the name out."
                )
                yield Problem("", "speaker_in_answer", detail, "warning")
            elif count == self._answers >= MIN_FOR_SHARES and not self._is_asked_for(head):
                detail = (
                    f"all {count} answers begin with '{head}:' (first in line {self._lines[head]}), and the model will"
                    " begin so, too. Leave it out if it is the speaker's name, or ask for it in the system message."
                )
                yield Problem("", "speaker_in_answer", detail, "warning")

    def _is_asked_for(self, head: str) -> bool:
        """Whether instructions show this label before a colon."""
        pattern = re.compile(re.escape(head) + r"[\"'”」』*`]{0,3}\s?[:：]", re.IGNORECASE)
        return any(pattern.search(text) for text in self._systems)

    def _is_played(self, name: str) -> bool:
        pattern = re.compile(_BE + re.escape(name) + r"(?![A-Za-z])", re.IGNORECASE)
        return any(pattern.search(text) for text in self._systems)

    def _check_systems(self) -> Problems:
        for text, line in self._systems.items():
            name = next(self._names_in(text), None)
            if name is not None:
                detail = (
                    f"the system message of line {line} names a person, {show(name)}; whoever asks the model for its"
                    " instructions will read it. Name the part it plays instead, if the name is not meant to be known."
                )
                yield Problem("", "name_in_system_message", detail, "warning")
                return

    def _names_in(self, text: str) -> Iterator[str]:
        for match in _CHINESE_NAME.finditer(text):
            if match[1][-1] not in _TRADES:
                yield match[1]
        folded = text.casefold()
        for name in (*sorted(self._own)[:_MAX_LOOKED_FOR], *dict(self._contacts.most_common(_MAX_LOOKED_FOR))):
            at = folded.find(name.casefold()) if len(name) > 1 else -1
            if at >= 0 and not (folded[at - 1 : at].isascii() and folded[at - 1 : at].isalpha()):
                yield name
